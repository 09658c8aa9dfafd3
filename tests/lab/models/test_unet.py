import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passband.lab.models import create_model, per_pixel
from shapes import outputs


def test_it_has_the_layers_of_the_paper() -> None:
    with torch.device("meta"):
        model = create_model("unet", num_classes=2, in_channels=3, width=64)
    # The figure of a widely used U-Net of that width with batch norm.
    assert sum(p.numel() for p in model.parameters()) == 31_037_698
    kinds = nn.Conv2d | nn.ConvTranspose2d
    assert sum(isinstance(m, kinds) for m in model.modules()) == 23  # section 2


def test_the_maps_of_each_level() -> None:
    shapes = outputs(create_model("unet", num_classes=5, in_channels=3), 3, 32, 48)
    name = "levels"
    for i in range(4):
        space = (32 >> i, 48 >> i)
        assert shapes[f"{name}.down"] == shapes[f"{name}.up"] == (32 << i, *space)
        assert shapes[name] == (32 << i, *space)
        name += ".below"
    assert shapes[name] == (512, 2, 3)
    assert shapes[""] == (5, 32, 48)


@pytest.mark.parametrize("depth", [1, 2])
def test_it_computes_what_the_paper_draws(depth: int) -> None:
    model = create_model("unet", num_classes=3, in_channels=2, width=4, depth=depth).double()
    state = model.state_dict()

    def twice(x: Tensor, name: str) -> Tensor:
        for j in (1, 2):
            weight, bias = state[f"{name}.bn{j}.weight"], state[f"{name}.bn{j}.bias"]
            x = F.conv2d(x, state[f"{name}.conv{j}.weight"], padding=1)
            x = F.batch_norm(x, None, None, weight, bias, training=True).relu()
        return x

    x = torch.randn(2, 2, 8, 12, dtype=torch.float64)
    levels = ["levels" + i * ".below" for i in range(depth)]
    y, skips = x, list[Tensor]()
    for name in levels:
        skips.append(twice(y, f"{name}.down"))
        y = F.max_pool2d(skips[-1], 2)
    y = twice(y, "levels" + depth * ".below")
    for name in reversed(levels):
        y = F.conv_transpose2d(y, state[f"{name}.up.weight"], state[f"{name}.up.bias"], stride=2)
        y = twice(torch.cat([skips.pop(), y], 1), f"{name}.join")
    expected = F.conv2d(y, state["head.weight"], state["head.bias"])
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize(
    ("depth", "space", "multiple"), [(4, (32, 40), 16), (4, (8, 8), 16), (1, (3, 4), 2)]
)
def test_a_side_that_cannot_be_halved(depth: int, space: tuple[int, int], multiple: int) -> None:
    model = create_model("unet", num_classes=2, in_channels=1, width=2, depth=depth)
    told = rf"height and width are multiples of {multiple} .*got \({space[0]}, {space[1]}\)"
    with pytest.raises(ValueError, match=told):
        model(torch.zeros(2, 1, *space))


def test_it_alone_labels_pixels() -> None:
    assert per_pixel("unet")
    assert not per_pixel("resnet18")
    with pytest.raises(ValueError, match="unknown model 'u-net'"):
        per_pixel("u-net")
