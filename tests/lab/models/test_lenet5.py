import pytest
import torch
from torch import nn

from passband.lab.models import create_model


def test_it_has_the_parameters_of_lenet5() -> None:
    # Each layer of the common LeNet-5 for MNIST; 61,706 in all.
    expected = [6 * 25 + 6, 16 * 6 * 25 + 16, 120 * 400 + 120, 84 * 120 + 84, 10 * 84 + 10]
    model = create_model("lenet5", num_classes=10, in_channels=1)
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert [sum(p.numel() for p in layer.parameters()) for layer in layers] == expected
    assert sum(p.numel() for p in model.parameters()) == 61706


@pytest.mark.parametrize(
    ("image_size", "channels", "padding", "flat"),
    [
        (28, 1, (2, 2), 400),
        (32, 3, (0, 0), 400),  # the 32x32 of 1998
        (8, 1, (12, 12), 400),
        (27, 1, (3, 3), 400),
        (64, 3, (0, 0), 16 * 13 * 13),
        ((28, 40), 2, (2, 0), 16 * 5 * 7),
    ],
)
def test_an_image_of_any_size(
    image_size: int | tuple[int, int], channels: int, padding: tuple[int, int], flat: int
) -> None:
    model = create_model("lenet5", num_classes=4, in_channels=channels, image_size=image_size)
    conv1, fc1 = model.get_submodule("conv1"), model.get_submodule("fc1")
    assert isinstance(conv1, nn.Conv2d)
    assert isinstance(fc1, nn.Linear)
    assert (conv1.padding, fc1.in_features) == (padding, flat)
    space = (image_size, image_size) if isinstance(image_size, int) else image_size
    assert model(torch.randn(2, channels, *space)).shape == (2, 4)
