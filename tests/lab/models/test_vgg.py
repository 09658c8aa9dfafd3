import pytest
import torch
import torch.nn.functional as F
from torch import nn

from passband.lab.models import create_model
from shapes import outputs


def test_parameter_count() -> None:
    # The figure commonly given for VGG-16 with batch norm and one linear layer on CIFAR-10.
    model = create_model("vgg16", num_classes=10, in_channels=3)
    assert sum(p.numel() for p in model.parameters()) == 14_728_266


def test_its_convolutions_are_those_of_the_paper() -> None:
    model = create_model("vgg16", num_classes=10, in_channels=3)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert {m.kernel_size for m in convolutions} == {(3, 3)}
    assert [m.out_channels for m in convolutions] == (
        [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]  # column D
    )


@pytest.mark.parametrize(
    ("space", "sides"),
    [
        ((32, 32), ((16, 16), (8, 8), (4, 4), (2, 2), (1, 1))),
        ((64, 100), ((32, 50), (16, 25), (8, 13), (4, 7), (2, 4))),
        ((8, 8), ((4, 4), (2, 2), (1, 1), (1, 1), (1, 1))),
    ],
)
def test_an_image_of_any_size(space: tuple[int, int], sides: tuple[tuple[int, int], ...]) -> None:
    shapes = outputs(create_model("vgg16", num_classes=4, in_channels=2), 2, *space)
    assert [shapes[f"pool{i}"][1:] for i in range(1, 6)] == [*sides]
    assert shapes["fc"] == (4,)


def test_it_computes_convolutions_norm_relu_and_pools() -> None:
    model = create_model("vgg16", num_classes=3, in_channels=2).double()
    state = model.state_dict()
    x = y = torch.randn(4, 2, 32, 32, dtype=torch.float64)
    for stage, count in enumerate((2, 2, 3, 3, 3), 1):
        for key in (f"{stage}_{j}" for j in range(1, count + 1)):
            y = F.conv2d(y, state[f"conv{key}.weight"], state[f"conv{key}.bias"], padding=1)
            y = F.batch_norm(
                y, None, None, state[f"bn{key}.weight"], state[f"bn{key}.bias"], training=True
            ).relu()
        y = F.max_pool2d(y, 2)
    expected = F.linear(y.flatten(1), state["fc.weight"], state["fc.bias"])
    torch.testing.assert_close(model(x), expected)
