"""The measured rates of the paper's ResNet-18 (ICML 2019), from the shapes of its layers alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import passband as pb
from passband.lab.models import create_model

# As in lab/papers/icml-measured-rate.csv: requested compression in percent, measured in percent.
RATES = [
    (0.1, 8.32),
    (1, 8.32),
    (2, 8.32),
    (3, 8.32),
    (6, 11.75),
    (10, 11.88),
    (12, 17.82),
    (20, 21.09),
    (22, 23.65),
    (28, 29.26),
    (30, 32.25),
    (38, 41.92),
    (47, 49.00),
    (48, 51.55),
    (50, 51.60),
    (76, 77.81),
    (80, 82.29),
    (84, 86.00),
    (85, 87.99),
]


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    torch.manual_seed(0)
    model = create_model("resnet18_icml", num_classes=10, in_channels=3)
    pb.convert_(model, pb.Band(keep=1, fft_size="reference"))
    return model


def measured_keep(model: nn.Module, band: pb.Band) -> float:
    pb.revert_(model)
    return pb.convert_(model, band, example=torch.zeros(1, 3, 32, 32)).keep_measured


@pytest.mark.parametrize(("label", "rate"), RATES)
def test_measured_rate(resnet: nn.Module, label: float, rate: float) -> None:
    band = pb.Band(keep=1 - label / 100, fft_size="reference")
    assert 100 * (1 - measured_keep(resnet, band)) == pytest.approx(rate, abs=0.1)


def test_nothing_is_cut_at_rate_zero(resnet: nn.Module) -> None:
    assert measured_keep(resnet, pb.Band(keep=1, fft_size="reference")) == 1


def test_shapes_alone_by_hand(resnet: nn.Module) -> None:
    # (input channels, transform length) of the 17 convolutions of 3x3, by the paper's code
    shapes = [(3, 128), *[(64, 64)] * 4]
    shapes += [(64, 64), *[(128, 32)] * 3, (128, 32), *[(256, 16)] * 3, (256, 16), *[(512, 8)] * 3]
    for label, rate in RATES:
        kept = whole = 0
        for channels, N in shapes:
            m = int((N // 2 + 1) * (1 - label / 100) ** 0.5)
            n = max(m, 1) - 1
            rows = N if m == N // 2 + 1 else 2 * n + 1
            kept += channels * rows * (n + 1)
            whole += channels * N * (N // 2 + 1)
        assert 100 * (1 - kept / whole) == pytest.approx(rate, abs=0.1)
        band = pb.Band(keep=1 - label / 100, fft_size="reference")
        assert measured_keep(resnet, band) == pytest.approx(kept / whole, rel=1e-12)


def test_the_transforms_are_the_papers_and_the_shortcuts_stay_in_space(resnet: nn.Module) -> None:
    pb.revert_(resnet)
    band = pb.Band(keep=0.5, fft_size="reference")
    report = pb.convert_(resnet, band, example=torch.zeros(1, 3, 32, 32))
    lengths = [row.plans[0].geometry.lengths for row in report.converted]
    sides = [128] + 5 * [64] + 4 * [32] + 4 * [16] + 3 * [8]
    assert lengths == [(side, side) for side in sides]
    assert [row.name for row in report.skipped] == [
        "layer2.0.downsample.0", "layer3.0.downsample.0", "layer4.0.downsample.0"
    ]  # fmt: skip
