"""What is held in fewer bits, against what was there."""

from __future__ import annotations

import math
import random

import numpy
import pytest
import scipy.fft
import torch
from torch import nn

import passband as pb
from passband.kernels.cpu import GROUP
from passband.memory import saved
from passband.memory.lowband import SHARE, Basis, functions, low_band, spread
from passband.packing import codes
from passband.packing.codes import Bits, Codes, dequantised, quantised

BITS: tuple[Bits, ...] = (2, 3, 4, 8)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(math.prod(shape)))


def restored(codes: Codes, bits: Bits, like: torch.Tensor) -> torch.Tensor:
    return dequantised(codes, bits, torch.empty_like(like))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("count", [1, GROUP, GROUP + 1, 1000])
def test_each_number_errs_by_half_a_step_at_most(count: int, bits: Bits) -> None:
    x = numbers(count)
    found = quantised(x, bits, random.Random(0))
    groups = -(-count // GROUP)
    assert found.codes.nbytes == groups * GROUP * bits // 8
    assert found.scales.nbytes == groups * 4
    step = found.scales[:, 1].float().repeat_interleave(GROUP)[:count]
    error = (restored(found, bits, x) - x).abs()
    assert (error <= 0.5001 * step + 1e-6).all()
    whole = numpy.pad(x.numpy(), (0, -count % GROUP)).reshape(groups, GROUP)
    expected = (whole.max(1) - whole.min(1)) / ((1 << bits) - 1)
    least = found.scales.float()
    assert (least[:, 0].numpy() <= whole.min(1)).all()  # rounded to bfloat16, but outwards
    assert numpy.allclose(least[:, 0], whole.min(1), rtol=2**-7)
    slack = numpy.abs(whole.min(1)) * 2**-7 / ((1 << bits) - 1)
    assert (least[:, 1].numpy() >= expected * (1 - 1e-6)).all()
    assert (least[:, 1].numpy() <= (expected + slack) * (1 + 2**-7)).all()


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("offset", [0.0, 3.0, 100.0])
def test_errors_are_noise_without_a_mean(bits: Bits, offset: float) -> None:
    """Uniform within half a step, whatever the number: so of variance a twelfth of its square."""
    x, chance, draws = numbers(2 * GROUP) + offset, random.Random(1), 4000
    found = [quantised(x, bits, chance) for _ in range(draws)]
    errors = torch.stack([restored(one, bits, x) - x for one in found])
    step = found[0].scales[:, 1].float().repeat_interleave(GROUP)
    assert (errors.mean(0).abs() / step).max() < 5 * (1 / 12 / draws) ** 0.5
    assert (errors / step).square().mean() == pytest.approx(1 / 12, rel=0.03)


def test_samples_of_a_batch_do_not_share_noise() -> None:
    """Not even where a sample has 2^16 numbers: errors of equal samples average out."""
    x = numbers(64 * 32 * 32).expand(16, -1).contiguous()
    errors = restored(quantised(x, 3, random.Random(0)), 3, x) - x
    alone, together = errors.square().mean(), errors.mean(0).square().mean()
    assert together < 1.2 * alone / 16


def test_the_noise_does_not_depend_on_defaults() -> None:
    x = numbers(GROUP)
    expected = restored(quantised(x, 3, random.Random(0)), 3, x)
    codes._noise.cache_clear()
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(restored(quantised(x, 3, random.Random(0)), 3, x), expected)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("basis", ["haar", "dct", "dft"])
def test_large_numbers_in_half_precision(basis: Basis) -> None:
    model = nn.Conv2d(1, 1, 3).half()
    pb.convert_(model, None, memory=pb.MemoryPolicy.unchanged_forward(basis=basis))
    x = 1000 + torch.zeros(1, 1, 512, 512, dtype=torch.float16)
    y = model(x)
    (g,) = torch.autograd.grad(y, model.weight, torch.full_like(y, 1e-6))
    assert g.isfinite().all()


def test_maps_before_the_first_convolution_under_autocast() -> None:
    """They are float32 still; what autocast would make of their low band is not."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 8, 3, padding=1))
    x = torch.randn(4, 8, 16, 16, requires_grad=True)

    def gradient() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            y = model(x)
        (g,) = torch.autograd.grad(y.float().square().sum(), x)
        return g

    exact = gradient()
    pb.convert_(model, None, memory=pb.MemoryPolicy.unchanged_forward(bits=8))
    assert (gradient() - exact).norm() < 0.05 * exact.norm()


def test_what_is_not_finite_spoils_its_group_alone() -> None:
    x = numbers(3 * GROUP)
    for wrong in (math.nan, math.inf, -math.inf):
        x[GROUP + 1] = wrong
        out = restored(quantised(x, 4, random.Random(0)), 4, x)
        assert out.isfinite().view(3, GROUP).all(1).tolist() == [True, False, True]
        assert not out[GROUP + 1].isfinite()


def test_the_difference_from_a_base() -> None:
    x, base = numbers(3, 50), numbers(151)[1:].view(3, 50)
    found = quantised(x, 8, random.Random(0), base)
    out = dequantised(found, 8, base.clone(), add=True)
    assert (out - x).abs().max() < (x - base).abs().max() / 64


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 33])
@pytest.mark.parametrize("basis", ["haar", "dct", "dft"])
def test_rows_of_a_basis_are_orthonormal_and_an_eighth(basis: Basis, n: int) -> None:
    rows = functions(basis, n, torch.float64, torch.device("cpu"))
    assert rows.shape == (-(-n // SHARE), n)
    assert (rows @ rows.T - torch.eye(len(rows))).abs().max() < 1e-12


def test_bases_are_those_of_numpy_and_scipy() -> None:
    x = numbers(32).double()
    at = torch.device("cpu")
    cosines = functions("dct", 32, torch.float64, at) @ x
    assert numpy.allclose(cosines, scipy.fft.dct(x.numpy(), type=2, norm="ortho")[:4])
    half = numpy.fft.rfft(x.numpy(), norm="ortho")
    waves = functions("dft", 32, torch.float64, at) @ x
    two = 2**0.5
    expected = [half[0].real, -two * half[1].imag, two * half[1].real, -two * half[2].imag]
    assert numpy.allclose(waves, expected)
    means = functions("haar", 32, torch.float64, at) @ x
    assert numpy.allclose(means, x.view(4, 8).mean(1) * 8**0.5)


@pytest.mark.parametrize("axes", [[2], [1, 2], [2, 3], [1, 2, 3]])
def test_a_low_band_and_back_is_a_projection(axes: list[int]) -> None:
    x = numbers(2, 9, 16, 11).double()
    lengths = [x.shape[axis] for axis in axes]
    near = spread(low_band(x, axes, "dct"), axes, lengths, "dct")
    again = spread(low_band(near, axes, "dct"), axes, lengths, "dct")
    assert near.shape == x.shape
    assert (again - near).abs().max() < 1e-12
    assert ((x - near) * near).sum().abs() < 1e-9 * x.square().sum()


def test_bytes_of_a_block_by_formula() -> None:
    """Of conv, norm and ReLU on one map: 3.75 bits for the norm's input and the image's, 1 more."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    pb.convert_(model, None, memory=pb.MemoryPolicy.unchanged_forward())
    x = torch.randn(2, 4, 16, 16)
    held = saved(lambda: model(x)).by_kind

    def stored(elements: int) -> int:
        return elements * 3 // 8 + elements // GROUP * 4 + elements // 64 * 2

    assert held["conv input"] == stored(2 * 4 * 256)
    assert held["norm"] == stored(2 * 8 * 256) + 2 * 8 * 4
    assert held["activation"] == 2 * 8 * 256 // 8


# Of white noise, the hardest to hold: relative norm of the gradient's error, and cosine.
ERRORS = [
    (pb.MemoryPolicy.bf16(), 0.01, 0.9999),
    (pb.MemoryPolicy(spectra="int8"), 0.02, 0.999),
    (pb.MemoryPolicy.unchanged_forward(bits=2), 0.7, 0.8),
    (pb.MemoryPolicy.unchanged_forward(), 0.35, 0.94),
    (pb.MemoryPolicy.unchanged_forward(basis="dct"), 0.35, 0.94),
    (pb.MemoryPolicy.unchanged_forward(basis="dft"), 0.35, 0.94),
    (pb.MemoryPolicy.unchanged_forward(bits=4), 0.2, 0.98),
    (pb.MemoryPolicy.unchanged_forward(bits=8), 0.02, 0.999),
]


@pytest.mark.parametrize(("policy", "most", "least"), ERRORS, ids=[str(e[0]) for e in ERRORS])
def test_the_forward_pass_is_unchanged_and_gradients_are_near(
    policy: pb.MemoryPolicy, most: float, least: float
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
    )  # fmt: skip
    if policy.maps == "exact":
        pb.convert_(model, pb.Band(keep=0.5))
    x = torch.randn(8, 3, 16, 16)

    def gradient() -> tuple[torch.Tensor, torch.Tensor]:
        y = model(x)
        loss = (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum()
        found = torch.autograd.grad(loss, list(model.parameters()))
        return loss, torch.cat([g.flatten() for g in found]).double()

    exact_loss, exact = gradient()
    pb.convert_(model, None, memory=policy)
    draws = [gradient() for _ in range(32)]
    assert all(torch.equal(loss, exact_loss) for loss, _ in draws)
    errors = [((g - exact).norm() / exact.norm()).item() for _, g in draws]
    cosines = [torch.cosine_similarity(g, exact, dim=0).item() for _, g in draws]
    assert max(errors) < most
    assert min(cosines) > least
    if policy != pb.MemoryPolicy.bf16():  # rounded at random: a bias smaller than the noise of one
        mean = torch.stack([g for _, g in draws]).mean(0)
        assert (mean - exact).norm() / exact.norm() < 0.5 * sum(errors) / len(errors)
