import pytest
import torch
import torch.nn.functional as F
from torch import nn

from passband.lab.models import create_model
from shapes import outputs


@pytest.mark.parametrize("growth", [64, 12])
def test_parameter_count(growth: int) -> None:
    model = create_model("densenet_table1", num_classes=10, in_channels=3, growth=growth)
    g = growth
    stem = 27 * g + 2 * g
    layers = sum((i + 1) * g * g + 9 * g * g + 4 * g for i in range(6))
    assert sum(p.numel() for p in model.parameters()) == stem + layers + (7 * g + 1) * 10


def test_its_layout_is_that_of_table_1() -> None:
    model = create_model("densenet_table1", num_classes=10, in_channels=3)
    shapes = outputs(model, 3, 32, 32)
    assert [shapes[key] for key in ("relu", "pool", "block", "avgpool", "fc")] == [
        (64, 32, 32), (64, 16, 16), (7 * 64, 16, 16), (7 * 64, 1, 1), (10,),
    ]  # fmt: skip
    kernels = [m.kernel_size for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [(3, 3)] + 6 * [(1, 1), (3, 3)]
    # Norm and activation follow each.
    kinds = [type(m) for m in model.modules() if not [*m.children()]]
    assert kinds[:4] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    assert kinds[4:-3] == 12 * [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]


@pytest.mark.parametrize("space", [(1, 1), (27, 33), (8, 8)])
def test_an_image_of_any_size(space: tuple[int, int]) -> None:
    model = create_model("densenet_table1", num_classes=4, in_channels=2, growth=4)
    assert model(torch.randn(2, 2, *space)).shape == (2, 4)


def test_each_layer_sees_all_before_it() -> None:
    model = create_model("densenet_table1", num_classes=2, in_channels=1, growth=4)
    block = model.get_submodule("block")
    state = block.state_dict()
    maps = [torch.randn(2, 4, 6, 6)]
    for i in range(6):
        y = torch.cat(maps, 1)
        for j in (1, 2):
            y = F.conv2d(y, state[f"{i}.conv{j}.weight"], padding=j - 1)
            y = F.batch_norm(y, None, None, training=True).relu()
        maps.append(y)
    torch.testing.assert_close(block(maps[0]), torch.cat(maps, 1))
