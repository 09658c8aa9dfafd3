import pytest
import torch
import torch.nn.functional as F
from torch import nn

from passband.lab.models import create_model
from shapes import outputs

WIDTHS = (64, 192, 384, 256, 256)


@pytest.mark.parametrize(("num_classes", "channels"), [(10, 3), (4, 1)])
def test_parameter_count(num_classes: int, channels: int) -> None:
    model = create_model("alexnet", num_classes=num_classes, in_channels=channels)
    before = (channels, *WIDTHS[:-1])
    convolutions = sum(9 * a * b + b for a, b in zip(before, WIDTHS, strict=True))
    linear = (1024 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * num_classes
    assert sum(p.numel() for p in model.parameters()) == convolutions + linear


@pytest.mark.parametrize(
    ("space", "sides"),
    [
        ((32, 32), ((8, 8), (4, 4), (2, 2))),
        ((28, 28), ((7, 7), (4, 4), (2, 2))),
        ((33, 64), ((9, 16), (5, 8), (3, 4))),
        ((8, 8), ((2, 2), (1, 1), (1, 1))),
    ],
)
def test_an_image_of_any_size(space: tuple[int, int], sides: tuple[tuple[int, int], ...]) -> None:
    shapes = outputs(create_model("alexnet", num_classes=4, in_channels=2), 2, *space)
    assert [shapes[f"pool{i}"][1:] for i in (1, 2, 5)] == [*sides]
    assert (shapes["avgpool"], shapes["fc3"]) == ((256, 2, 2), (4,))


def test_it_computes_five_convolutions_and_three_linear_layers() -> None:
    model = create_model("alexnet", num_classes=3, in_channels=2).eval()
    state = model.state_dict()
    x = y = torch.randn(2, 2, 32, 32)
    for i in range(1, 6):
        weight, bias = state[f"conv{i}.weight"], state[f"conv{i}.bias"]
        y = F.conv2d(y, weight, bias, stride=2 if i == 1 else 1, padding=1).relu()
        y = F.max_pool2d(y, 2) if i in (1, 2, 5) else y
    y = y.flatten(1)
    for i in range(1, 4):
        y = F.linear(y, state[f"fc{i}.weight"], state[f"fc{i}.bias"])
        y = y.relu() if i < 3 else y
    torch.testing.assert_close(model(x), y)


def test_half_of_what_the_linear_layers_see_is_dropped_out() -> None:
    model = create_model("alexnet", num_classes=3, in_channels=1)
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]
    x = torch.randn(2, 1, 16, 16)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
