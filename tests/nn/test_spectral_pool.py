"""Spectral pooling beside scipy's resampling by Fourier transform, and by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.signal
import torch
from torch import Tensor, nn

import passband as pb

F64 = torch.float64
LAYERS = {1: pb.nn.SpectralPool1d, 2: pb.nn.SpectralPool2d, 3: pb.nn.SpectralPool3d}
FORMS = {
    1: pb.functional.spectral_pool1d,
    2: pb.functional.spectral_pool2d,
    3: pb.functional.spectral_pool3d,
}


def by_scipy(x: Tensor, sizes: Sequence[int]) -> Tensor:
    y = x.numpy()
    for axis, size in enumerate(sizes, start=x.dim() - len(sizes)):
        y = scipy.signal.resample(y, size, axis=axis)
    return torch.from_numpy(y)


@pytest.mark.parametrize("n", range(1, 17))
def test_every_pair_of_sizes_in_one_dimension(n: int) -> None:
    x = torch.randn(2, 3, n, dtype=F64, generator=torch.Generator().manual_seed(n))
    for size in range(1, n + 1):
        got = pb.nn.SpectralPool1d(size)(x)
        torch.testing.assert_close(got, by_scipy(x, [size]), rtol=1e-12, atol=1e-12)


SIZES = [
    ((8, 9), (4, 4)), ((8, 9), (5, 3)), ((9, 7), (9, 2)), ((12, 10), (1, 1)), ((6, 6), (6, 6)),
    ((7, 8, 6), (3, 4, 5)), ((4, 5, 6), (2, 5, 3)), ((6, 6, 6), (4, 3, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("space", "sizes"), SIZES, ids=str)
def test_in_two_and_three_dimensions(space: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    dims = len(space)
    x = torch.randn(2, 3, *space, dtype=F64, generator=torch.Generator().manual_seed(0))
    got = LAYERS[dims](sizes)(x)
    axis_by_axis = x
    for dim, size in enumerate(sizes, start=2):
        rows = axis_by_axis.transpose(dim, -1)
        flat = rows.reshape(1, -1, rows.shape[-1])
        pooled = pb.functional.spectral_pool1d(flat, size)
        axis_by_axis = pooled.reshape(*rows.shape[:-1], size).transpose(dim, -1)
    torch.testing.assert_close(got, axis_by_axis, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(got, by_scipy(x, sizes), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(LAYERS[dims](sizes)(x[0]), got[0], rtol=1e-12, atol=1e-12)


def test_the_nyquist_pair_folds_by_hand() -> None:
    # cos of frequency 2 on 8 points: on 4 points 2 is Nyquist, and the samples alternate 1, -1
    t = torch.arange(8, dtype=F64)
    wave = torch.cos(2 * math.pi * 2 * t / 8)[None, None]
    pooled = pb.nn.SpectralPool1d(4)(wave)
    torch.testing.assert_close(pooled, torch.tensor([[[1.0, -1, 1, -1]]], dtype=F64))
    # its sine is invisible there
    pooled = pb.nn.SpectralPool1d(4)(torch.sin(2 * math.pi * 2 * t / 8)[None, None])
    torch.testing.assert_close(pooled, torch.zeros(1, 1, 4, dtype=F64))
    # and one frequency up nothing passes
    pooled = pb.nn.SpectralPool1d(4)(torch.cos(2 * math.pi * 3 * t / 8)[None, None])
    torch.testing.assert_close(pooled, torch.zeros(1, 1, 4, dtype=F64))
    # in 2D: the diagonal wave of both Nyquists is cos cos - sin sin, of which the first folds
    grid = t[:, None] + t[None, :]
    diagonal = torch.cos(2 * math.pi * 2 * grid / 8)[None, None]
    pooled = pb.nn.SpectralPool2d(4)(diagonal)
    signs = torch.tensor([1.0, -1, 1, -1], dtype=F64)
    torch.testing.assert_close(pooled, (signs[:, None] * signs)[None, None])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_constant_keeps_its_value_and_the_same_size_keeps_the_map(dims: int) -> None:
    for n, size in itertools.product((5, 8), (1, 2, 3, 4, 5)):
        pooled = LAYERS[dims](size)(torch.full((1, 1, *(n,) * dims), 2.5, dtype=F64))
        torch.testing.assert_close(pooled, torch.full((1, 1, *(size,) * dims), 2.5, dtype=F64))
        x = torch.randn(1, 2, *(n,) * dims, dtype=F64)
        torch.testing.assert_close(LAYERS[dims](None)(x), x)
        torch.testing.assert_close(LAYERS[dims](n)(x), x)


def test_a_wave_below_the_small_nyquist_is_sampled() -> None:
    for n, size in ((16, 7), (15, 8), (12, 5)):
        for k in range((size - 1) // 2 + 1):
            fine, coarse = (
                torch.cos(2 * math.pi * k * torch.arange(p, dtype=F64) / p + 0.3)[None, None]
                for p in (n, size)
            )
            torch.testing.assert_close(pb.nn.SpectralPool1d(size)(fine), coarse)


@pytest.mark.parametrize(
    ("dims", "n", "size"), [(1, 9, 4), (1, 8, 5), (1, 8, 4), (2, 6, 4), (2, 5, 3), (3, 4, 2)]
)
def test_the_gradient_is_the_exact_adjoint(dims: int, n: int, size: int) -> None:
    form = FORMS[dims]
    x = torch.randn(1, 2, *(n,) * dims, dtype=F64, requires_grad=True)
    y = torch.randn(1, 2, *(size,) * dims, dtype=F64)
    pooled = form(x, size)
    (back,) = torch.autograd.grad(pooled, x, y)
    torch.testing.assert_close((pooled * y).sum(), (x * back).sum())
    assert torch.autograd.gradcheck(lambda t: form(t, size), x)
    assert torch.autograd.gradgradcheck(lambda t: form(t, size), x)


def test_nothing_is_held_for_backward() -> None:
    for dims, layer in LAYERS.items():
        x = torch.randn(2, 3, *(8,) * dims, requires_grad=True)
        assert pb.memory.saved(lambda: layer(5)(x)).total == 0  # noqa: B023


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_outputs_can_be_written_to(dtype: torch.dtype) -> None:
    """As those of PyTorch's pooling: in-place activations follow it."""
    x = torch.randn(2, 3, 9, 8, dtype=dtype, requires_grad=True)
    pool = pb.nn.SpectralPool2d(4)
    (expected,) = torch.autograd.grad((pool(x) + 1).relu().sum(), x)
    (found,) = torch.autograd.grad(pool(x).add_(1).relu_().sum(), x)
    torch.testing.assert_close(found, expected)


def test_one_axis_may_stay() -> None:
    x = torch.randn(2, 3, 8, 10, dtype=F64)
    got = pb.nn.SpectralPool2d((None, 5))(x)
    torch.testing.assert_close(got, by_scipy(x, (8, 5)))
    assert repr(pb.nn.SpectralPool2d((None, 5))) == "SpectralPool2d(output_size=(None, 5))"
    assert not list(nn.Module.state_dict(pb.nn.SpectralPool3d(2)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_dtypes_in_are_dtypes_out(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 9, 8).to(dtype)
    got = pb.nn.SpectralPool2d(4)(x)
    assert got.dtype == dtype
    exact = by_scipy(x.double(), (4, 4))
    torch.testing.assert_close(
        # a rounding to the dtype, after sums of 72 terms in float32
        got.double(),
        exact,
        rtol=max(torch.finfo(dtype).eps, 1e-6),
        atol=1e-6,
    )
    with torch.autocast("cpu", torch.bfloat16):
        assert pb.nn.SpectralPool2d(4)(x).dtype == dtype


def test_pooling_is_what_an_ideal_low_pass_and_sampling_do() -> None:
    # an even step: every second sample of the map without the frequencies above the small Nyquist
    x = torch.randn(1, 1, 12, dtype=F64)
    spectrum = np.fft.fft(x.numpy()[0, 0])
    k = np.abs(np.fft.fftfreq(12, 1 / 12))
    low = np.fft.ifft(np.where(k <= 3, spectrum, 0)).real
    torch.testing.assert_close(
        pb.nn.SpectralPool1d(6)(x), torch.from_numpy(low[::2].copy())[None, None]
    )
