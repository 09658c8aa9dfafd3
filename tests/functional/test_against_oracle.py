"""The band-limited convolutions and the spectral pooling against a dense numpy oracle."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import torch

import oracle
import passband as pb
from cases import (
    CONV,
    FFT_SIZES,
    KEEPS,
    PLANS,
    STRIDED,
    TRANSPOSED,
    WAYS,
    Case,
    assert_as_oracle,
    close,
    function,
    named,
)
from oracle import Cut, FftSize


@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", CONV, ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_convolution(plan: str, case: Case, keep: float, fft_size: FftSize) -> None:
    assert_as_oracle(case, Cut(keep=keep, fft_size=fft_size), plan)


@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", STRIDED, ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_spectral_stride(plan: str, case: Case, keep: float, fft_size: FftSize) -> None:
    assert_as_oracle(case, Cut(keep=keep, fft_size=fft_size), plan, stride_mode="spectral")


@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_transposed_convolution(plan: str, case: Case, keep: float, fft_size: FftSize) -> None:
    assert_as_oracle(case, Cut(keep=keep, fft_size=fft_size), plan, transposed=True)


MANY_BANDS: list[tuple[str, Cut]] = [
    ("2d", Cut(cutoff=0.5)),
    ("2d", Cut(cutoff=(0.25, 1.0))),
    ("2d", Cut(cutoff=1.0, fft_size="fast")),
    ("2d", Cut(cutoff=1e-6, fft_size="reference")),
    ("2d-oblong", Cut(cutoff=0.5, fft_size="reference")),
    ("2d-oblong", Cut(cutoff=(0.75, 0.25))),
    ("2d", Cut(modes=1)),
    ("2d", Cut(modes=(5, 2))),  # L = 9 has 5 modes: nothing is cut on the first axis
    ("2d-oblong", Cut(modes=(1, 6))),  # L = 10 has 6: with its Nyquist bin
    ("2d-oblong", Cut(modes=(3, 5))),
    ("1d-stride-not-dividing", Cut(modes=3)),
    ("1d-stride-not-dividing", Cut(cutoff=0.9)),
    ("3d", Cut(modes=(2, 1, 3))),
    ("3d", Cut(cutoff=(0.5, 0.25, 1.0))),
    ("3d-circular", Cut(modes=2)),
    ("1d-circular", Cut(modes=5)),
    ("1d-circular", Cut(modes=4)),
    ("1d-circular", Cut(keep=0.5, fft_size="reference")),
    ("1d-reflect-strided", Cut(cutoff=0.4)),
    *(("1d-tie", Cut(keep=keep)) for keep in (0.2, 0.4, 0.6, 0.8, 0.95)),
    *(("1d", Cut(keep=keep)) for keep in (0.1, 0.3, 0.75, 0.9, 0.99, 1 / 3)),
    *(("2d", Cut(keep=keep, fft_size=size)) for keep in (0.1, 0.52, 0.9) for size in FFT_SIZES),
]


@pytest.mark.parametrize("plan", WAYS)
@pytest.mark.parametrize(("name", "cut"), MANY_BANDS)
def test_many_bands(name: str, cut: Cut, plan: str) -> None:
    (case,) = named(CONV, name)
    assert_as_oracle(case, cut, plan)
    if "stride" in case.options:
        assert_as_oracle(case, cut, plan, stride_mode="spectral")


@pytest.mark.parametrize("plan", WAYS)
@pytest.mark.parametrize("cut", [Cut(modes=3), Cut(modes=(1, 4)), Cut(cutoff=(0.5, 0.8))], ids=str)
def test_many_bands_transposed(cut: Cut, plan: str) -> None:
    (case,) = named(TRANSPOSED, "2d")
    assert_as_oracle(case, cut, plan, transposed=True)


@functools.cache
def energy_modes(case: Case, fft_size: FftSize, energy: float) -> tuple[int, ...]:
    x, w, _ = case.tensors()
    geometry = {name: value for name, value in case.options.items() if name != "groups"}
    rings = oracle.conv_rings(x.shape[2:], w.shape[2:], fft_size, **geometry)
    return oracle.energy_modes(x, [inside for _, inside in rings], energy)


@pytest.mark.parametrize("energy", [1e-6, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize(
    "case",
    named(
        CONV,
        "1d-odd-n",
        "1d-stride-not-dividing",
        "1d-circular",
        "1d-reflect-strided",
        "2d",
        "2d-oblong",
        "2d-replicate",
        "3d-everything",
    ),
    ids=str,
)
@pytest.mark.parametrize("plan", WAYS)
def test_energy_of_the_batch(plan: str, case: Case, fft_size: FftSize, energy: float) -> None:
    """A dynamic energy band is the fixed band of those modes, forward and backward."""
    cut = Cut(modes=energy_modes(case, fft_size, energy), fft_size=fft_size)
    assert_as_oracle(case, cut, plan, band=pb.Band(energy=energy, dynamic=True, fft_size=fft_size))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pointwise_every_mode_count(n: int, dims: int) -> None:
    """A kernel of one tap shows the projection itself, at every mode count an axis has."""
    case = Case(f"{dims}d", (1, 2, *(n,) * dims), (2, 2, *(1,) * dims), bias=False)
    x, w, _ = case.tensors()
    for modes, plan in itertools.product(range(1, n // 2 + 2), WAYS):
        wanted = oracle.conv(x, w, cut=Cut(modes=modes)).y
        band = pb.Band(modes=modes)
        y = function(case)(torch.from_numpy(x), torch.from_numpy(w), band=band, plan=plan)
        close(y, wanted, f"y at modes={modes} by {plan}")


POOLED: list[tuple[tuple[int, ...], int | tuple[int | None, ...]]] = [
    ((8,), 4),  # both even: the Nyquist pair folds
    ((9,), 4),
    ((8,), 5),
    ((9,), 5),
    ((7,), 6),
    ((6,), 6),
    ((5,), 1),
    ((1,), 1),
    ((8, 9), 4),
    ((8, 9), (5, 3)),
    ((7, 10), (None, 2)),
    ((6, 5), (6, 5)),
    ((4, 7, 6), 3),
    ((5, 4, 6), (2, 4, 5)),
    ((4, 5, 3), (None, 1, None)),
]


@pytest.mark.parametrize(("space", "size"), POOLED, ids=str)
def test_spectral_pooling(space: tuple[int, ...], size: int | tuple[int | None, ...]) -> None:
    pool = getattr(pb.functional, f"spectral_pool{len(space)}d")
    sizes = [size] * len(space) if isinstance(size, int) else size
    points = [n if s is None else s for n, s in zip(space, sizes, strict=True)]
    x = np.random.default_rng(sum(space)).standard_normal((2, 3, *space))
    wanted = oracle.spectral_pool(x, points)
    close(pool(torch.from_numpy(x), size), wanted, "y")
    close(pool(torch.from_numpy(x[0]), size), wanted[0], "unbatched y")
