"""FLOPs against PyTorch's own counter, which sees matrix products and convolutions, and by hand."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import passband as pb
from passband.functional.plan import PlanName
from passband.lab.inspect.flops import band_flops, direct_flops, linear_flops, transform_flops
from passband.transforms.fourier import Axis, Grid, Transform, adjoint, analysis


def pytorchs_count(model: nn.Module, x: Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    return int(counter.get_total_flops())


CONVOLUTIONS = [
    (nn.Conv1d(3, 8, 5, padding=2), (2, 3, 20)),
    (nn.Conv2d(4, 6, 3, stride=2, padding=1), (3, 4, 11, 8)),
    (nn.Conv2d(4, 8, (3, 5), groups=2, bias=False), (1, 4, 9, 9)),
    (nn.Conv2d(6, 6, 3, groups=6, dilation=2), (2, 6, 9, 9)),
    (nn.Conv3d(2, 3, 3), (2, 2, 5, 6, 7)),
    (nn.ConvTranspose1d(3, 4, 4, stride=2), (2, 3, 9)),
    (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (2, 4, 5, 6)),
]


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS)
def test_a_convolution(layer: Any, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert direct_flops(layer, x, layer(x)) == pytorchs_count(layer, x)


def test_a_convolution_by_hand() -> None:
    layer, x = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), torch.randn(5, 4, 7, 8)
    expected = 2 * 5 * 4 * 6 // 2 * 9 * (4 * 4)
    assert direct_flops(layer, x, layer(x)) == expected
    assert direct_flops(layer, x[0], layer(x[0])) == expected // 5  # without a batch


@pytest.mark.parametrize("shape", [(5, 12), (2, 3, 12), (12,)])
def test_a_linear_layer(shape: tuple[int, ...]) -> None:
    layer, x = nn.Linear(12, 7), torch.randn(shape)
    assert linear_flops(layer, x) == 2 * 7 * math.prod(shape)
    assert linear_flops(layer, x) == pytorchs_count(layer, x)


BANDED = [
    (nn.Conv1d(3, 8, 5, padding=2), (2, 3, 40), 0.3),
    (nn.Conv2d(4, 6, 3, stride=2, padding=1), (3, 4, 16, 16), 0.25),
    (nn.Conv2d(4, 8, 3, padding=1, groups=2), (2, 4, 12, 10), 0.5),
    (nn.Conv2d(32, 32, 3, padding=1), (16, 32, 32, 32), 0.25),  # axis by axis
    (nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), (2, 3, 8, 8), 0.5),
    (nn.Conv3d(2, 3, 3, padding=1), (2, 2, 6, 6, 6), 0.3),
    (nn.ConvTranspose2d(4, 6, 3, stride=2), (2, 4, 7, 7), 0.25),
]


@pytest.mark.parametrize("plan", ["dft", "spatial"])
@pytest.mark.parametrize(("layer", "shape", "keep"), BANDED)
def test_a_band_convolution_by_matrix_products(
    layer: Any, shape: tuple[int, ...], keep: float, plan: PlanName
) -> None:
    model, x = nn.Sequential(layer), torch.randn(shape)
    pb.convert_(model, pb.Band(keep=keep), plan=plan)
    band: Any = model[0]
    try:
        with torch.no_grad():
            chosen = band.plan_for(x)
            if chosen.transform == "fused":  # a kernel steps aside where PyTorch counts
                chosen = replace(chosen, transform="dft")
            counted, found = pytorchs_count(model, x), band_flops(band, shape[0], chosen)
            if chosen.transform == "fft":  # of which PyTorch counts nothing
                maps = shape[0] * shape[1]
                for axes in (chosen.geometry.source, chosen.geometry.reach_axes):
                    found -= transform_flops(axes, "fft", maps)
    finally:
        pb.revert_(model)
    assert found == counted


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS)
def test_all_frequencies_cost_the_plain_convolution(layer: Any, shape: tuple[int, ...]) -> None:
    model, x = nn.Sequential(layer), torch.randn(shape)
    pb.convert_(model, pb.Band(keep=1), pointwise=True)
    band: Any = model[0]
    with torch.no_grad():
        found = band_flops(band, shape[0], band.plan_for(x))
    pb.revert_(model)
    assert found == direct_flops(layer, x, layer(x))


@pytest.mark.parametrize("plan", ["fft", "dft"])
def test_a_band_convolution_by_hand(plan: PlanName) -> None:
    n, c, o, size = 2, 3, 4, 15
    band = pb.nn.BandConv1d(c, o, 3, padding=1, band=pb.Band(modes=4), plan=plan)
    with torch.no_grad():
        chosen = band.plan_for(torch.randn(n, c, size))
    length, bins = size + 1, 4  # the ring is as long as the map and its padding
    product = 8 * bins * n * c * o
    by_matrix = 2 * (2 * bins) * size  # real and imaginary part of a bin are rows
    filters = c * o * 2 * (2 * bins) * 3
    there = by_matrix if plan == "dft" else 2.5 * length * math.log2(length)
    back = there
    if plan == "fft" and chosen.filter_transform == "fft":
        filters = c * o * round(2.5 * length * math.log2(length))
    assert band_flops(band, n, chosen) == n * c * there + n * o * back + product + filters


def test_a_fast_transform_of_two_axes_by_hand() -> None:
    axes = (Axis(12, 3, Grid(0, 1, 11)), Axis(16, 4, Grid(0, 1, 16)))
    rows = 11 * 2.5 * 16 * 4  # a real transform of each row
    columns = 4 * 5 * 12 * math.log2(12)  # complex ones of the four columns that are kept
    assert transform_flops(axes, "fft", maps=7) == 7 * round(rows + columns)


def test_a_transform_of_sums_and_differences_takes_half_of_the_products() -> None:
    axes = (Axis(9, 3, Grid(0, 1, 8)),)
    assert transform_flops(axes, "dft", maps=5) == 5 * 2 * 6 * 8
    # Cosines 0, 1, 2 of sums and sines 1, 2 of differences: of 8 samples 4, and the middle one.
    assert transform_flops(axes, "fused", maps=5) == 5 * 2 * 5 * 5


@pytest.mark.parametrize("way", ["fft", "dft", "fused"])
def test_there_and_back_are_counted_alike(way: Transform) -> None:
    axes = (Axis(9, 3, Grid(0, 1, 8)), Axis(8, 2, Grid(0, 1, 6)))
    spectrum = analysis(torch.randn(2, 3, 8, 6), axes)
    assert adjoint(spectrum, axes).shape == (2, 3, 8, 6)
    assert transform_flops(axes, way, 6) == 6 * transform_flops(axes, way, 1)
