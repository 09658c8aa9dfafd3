"""Large and tiny numbers, offsets that cancel, zeros and signs: each way against float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband import functional as F
from passband.functional.plan import PlanName
from tolerance import tolerance

WAYS: list[PlanName] = ["fft", "dft", "spatial", "fused"]
BANDS = [pb.Band(keep=1.0), pb.Band(keep=0.5)]
F32 = torch.float32


def run(
    x: Tensor, w: Tensor, g: Tensor, band: pb.Band, way: PlanName
) -> tuple[Tensor, Tensor, Tensor]:
    """A convolution, and its gradients."""
    x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
    y = F.band_conv2d(x, w, padding=1, band=band, plan=way)
    of_map, of_filter = torch.autograd.grad(y, [x, w], g)
    return y.detach(), of_map, of_filter


def sample(of_map: float, of_filter: float) -> tuple[Tensor, Tensor, Tensor]:
    """A map, a filter and a gradient of these magnitudes, float32."""
    x = torch.randn(2, 4, 12, 11).clamp(-3, 3)  # 3e38 is still one of float32's
    return x * of_map, torch.randn(3, 4, 3, 3) * of_filter, torch.randn(2, 3, 12, 11)


def error(found: Tensor, wanted: Tensor) -> float:
    return ((found.double() - wanted).abs().max() / wanted.abs().max()).item()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("band", BANDS, ids=str)
@pytest.mark.parametrize(
    ("of_map", "of_filter"),
    [(1e-36, 1e34), (1e-36, 1.0), (1e-20, 1e20), (1e20, 1e-20), (1e30, 1e-36), (1e34, 1.0)],
)
def test_any_magnitude_is_as_good_as_one(
    way: PlanName, band: pb.Band, of_map: float, of_filter: float
) -> None:
    x, w, g = sample(of_map, of_filter)
    exact = run(x.double(), w.double(), g.double(), band, "spatial")
    for found, wanted in zip(run(x, w, g, band, way), exact, strict=True):
        assert error(found, wanted) <= tolerance(F32, way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("band", BANDS, ids=str)
@pytest.mark.parametrize("of_map", [1e-38, 1e-40, 1e-42])
def test_numbers_below_the_normal_ones_lose_digits_and_no_more(
    way: PlanName, band: pb.Band, of_map: float
) -> None:
    """Those are whole multiples of 2^-149: each step of a transform rounds to one."""
    x, w, g = sample(of_map, 1e30)
    (y, _, _), (wanted, _, _) = (
        run(x, w, g, band, way), run(x.double(), w.double(), g.double(), band, "spatial"),
    )  # fmt: skip
    grain = 2.0**-149 / of_map
    assert error(y, wanted) <= tolerance(F32, way) + 32 * grain


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("band", BANDS, ids=str)
@pytest.mark.parametrize("of_map", [1e36, 1e37, 1e38])
def test_what_is_too_large_is_right_or_not_finite(
    way: PlanName, band: pb.Band, of_map: float
) -> None:
    """Sums over the map may be too large where the result is not; then it is no false number."""
    x, w, g = sample(of_map, 1e-30)
    (y, _, _), (wanted, _, _) = (
        run(x, w, g, band, way), run(x.double(), w.double(), g.double(), band, "spatial"),
    )  # fmt: skip
    finite = y.isfinite()
    off = (y.double() - wanted).abs()[finite]
    assert (off <= tolerance(F32, way) * wanted.abs().max()).all()
    assert finite.all() or of_map > 1e36


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_near_its_largest_numbers(way: PlanName, dtype: torch.dtype) -> None:
    """Sums are of float32 or, of bfloat16, have its range: only the result has to fit."""
    x, w, g = sample(2e4 if dtype == torch.float16 else 1e34, 1e-2)
    x, w, g = x.to(dtype), w.to(dtype), g.to(dtype)
    exact = run(x.double(), w.double(), g.double(), BANDS[1], "spatial")
    y = run(x, w, g, BANDS[1], way)[0]
    assert y.isfinite().all()
    assert error(y, exact[0]) <= tolerance(dtype, way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("band", BANDS, ids=str)
def test_a_large_offset_costs_its_digits_and_no_more(way: PlanName, band: pb.Band) -> None:
    """Filters without a mean, on circular maps: the offset goes, its rounding error stays."""
    x, w, _ = sample(1.0, 1.0)
    w -= w.mean((2, 3), keepdim=True)
    offset = 1e4
    x = (x + offset).float()
    layer = pb.nn.BandConv2d(
        4, 3, 3, padding=1, padding_mode="circular", bias=False, band=band, plan=way
    )
    with torch.no_grad():
        layer.weight.copy_(w)
        y = layer(x)
        wanted = layer.double()(x.double())
    assert wanted.abs().max() < offset / 10
    largest = offset * w.abs().sum((1, 2, 3)).max()
    assert (y - wanted).abs().max() <= tolerance(F32, way) * largest


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("band", BANDS, ids=str)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zeros_stay_zeros(way: PlanName, band: pb.Band, zero: float) -> None:
    x, w, g = sample(1.0, 1.0)
    x[1] = zero
    y, of_map, _ = run(x, w, g, band, way)
    assert (y[1] == 0).all()
    assert (y[0] != 0).any()
    g[0] = zero
    assert (run(x, w, g, band, way)[1][0] == 0).all()
    y, of_map, of_filter = run(x, torch.full_like(w, zero), g, band, way)
    assert (y == 0).all()
    assert (of_map == 0).all()
    assert of_filter.isfinite().all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("band", BANDS, ids=str)
def test_signs_and_powers_of_two_go_through(way: PlanName, band: pb.Band) -> None:
    x, w, g = sample(1.0, 1.0)
    y = run(x, w, g, band, way)[0]
    assert torch.equal(run(-x, w, g, band, way)[0], -y)
    assert torch.equal(run(x * 2.0**20, w * 2.0**-50, g, band, way)[0], y * 2.0**-30)


def test_a_gradient_that_is_infinite_skips_the_step_as_in_pytorch() -> None:
    def train(model: nn.Module) -> list[float]:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
        scales = []
        for factor in (1.0, math.inf, 1.0):
            optimizer.zero_grad()
            before = [p.detach().clone() for p in model.parameters()]
            loss = (model(torch.ones(1, 2, 6, 6)) * factor).square().mean()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            moved = any(
                not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)
            )
            assert moved == (factor == 1)
            scales.append(scaler.get_scale())
        return scales

    layers = [nn.Conv2d(2, 2, 3), *(pb.nn.BandConv2d(2, 2, 3, keep=0.5, plan=w) for w in WAYS)]
    assert [train(layer) for layer in layers] == [[2.0**10, 2.0**9, 2.0**9]] * len(layers)
