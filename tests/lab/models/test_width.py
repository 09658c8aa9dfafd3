"""Narrower and wider networks: parameters by each network's own formula."""

import pytest
import torch
from torch import nn

from passband.lab.models import create_model
from passband.lab.models.width import scaled


def parameters(name: str, width: float, **options: object) -> int:
    with torch.device("meta"):
        model = create_model(name, num_classes=10, in_channels=3, width=width, **options)
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("width", "expected"),
    [(1, (6, 16)), (0.5, (3, 8)), (0.7, (4, 11)), (0.01, (1, 1)), (2, (12, 32))],
)
def test_rounded_and_at_least_one(width: float, expected: tuple[int, int]) -> None:
    assert scaled(width, 6, 16) == expected


@pytest.mark.parametrize("width", [0.5, 2])
def test_lenet5(width: float) -> None:
    a, b, c, d = (int(width * n) for n in (6, 16, 120, 84))
    expected = 3 * 25 * a + a + 25 * a * b + b + (25 * b + 1) * c + (c + 1) * d + (d + 1) * 10
    assert parameters("lenet5", width, image_size=32) == expected


@pytest.mark.parametrize("width", [0.25, 1.5])
def test_fcn(width: float) -> None:
    a, b = int(128 * width), int(256 * width)
    convolutions = (8 * 3 + 3) * a + (5 * a + 3) * b + (3 * b + 3) * a
    assert parameters("fcn", width) == convolutions + (a + 1) * 10


@pytest.mark.parametrize("width", [0.25, 0.5])
def test_vgg16(width: float) -> None:
    channels, before, expected = (64, 64, 128, 128, *[256] * 3, *[512] * 6), 3, 0
    for count in channels:
        here = int(width * count)
        expected += (9 * before + 3) * here
        before = here
    assert parameters("vgg16", width) == expected + (before + 1) * 10


def test_a_resnet_of_sixteen_channels_has_a_sixteenth_of_the_weights() -> None:
    # Those between hidden layers; stem and classifier are linear in the width, as are norms.
    def hidden(width: float) -> int:
        with torch.device("meta"):
            model = create_model("resnet18", num_classes=10, in_channels=3, width=width)
        layers = [m for m in model.modules() if isinstance(m, nn.Conv2d)][1:]
        return sum(layer.weight.numel() for layer in layers)

    assert hidden(1) == 16 * hidden(0.25)
    # The 0.70M of a ResNet-18 of 16 channels.
    assert parameters("resnet18", 0.25) == 701_466


def test_resnet20_twice_as_wide() -> None:
    def of(w: int) -> int:  # w channels in the first stage
        convolutions = 27 * w + 9 * (6 * w * w + (2 + 5 * 4 + 8 + 5 * 16) * w * w)
        return convolutions + 2 * w * (7 + 2 * 6 + 4 * 6) + (4 * w + 1) * 10

    assert parameters("resnet20", 1) == of(16) == 269_722
    assert parameters("resnet20", 2) == of(32)
