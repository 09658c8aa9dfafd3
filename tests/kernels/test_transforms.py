"""The kernels against the transform of PyTorch and against a dense matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import kernel_setting
import pytest
import torch
from torch import Tensor

from passband import kernels
from passband.functional.product import turned
from passband.transforms.fourier import Axis, Grid, Norm, dft
from passband.transforms.fourier.bins import frequencies

pytest.importorskip("triton", reason="Triton is not installed")

Axes = tuple[Axis, ...]


@pytest.fixture(autouse=True, scope="module")
def interpreter() -> Iterator[None]:
    with kernel_setting.interpreted():
        yield


def axis(length: int, modes: int, count: int, start: int = 0, step: int | Fraction = 1) -> Axis:
    return Axis(length, modes, Grid(start, step, count))


# Axes, images, channels.
CASES: dict[str, tuple[Axes, int, int]] = {
    "odd": ((axis(9, 3, 8), axis(11, 4, 10)), 2, 16),
    "even": ((axis(10, 4, 9), axis(8, 3, 7)), 2, 16),
    "circular": ((axis(8, 3, 8), axis(8, 3, 8)), 1, 20),
    "nyquist": ((axis(8, 5, 7), axis(6, 4, 5)), 2, 5),
    "nyquist first": ((axis(6, 4, 6), axis(9, 2, 9)), 1, 3),
    "nyquist last": ((axis(9, 5, 9), axis(6, 4, 6)), 1, 3),
    "one mode": ((axis(9, 1, 8), axis(7, 1, 6)), 2, 4),
    "one mode first": ((axis(9, 1, 8), axis(7, 3, 6)), 1, 4),
    "one mode last": ((axis(9, 3, 8), axis(7, 1, 6)), 1, 4),
    "strided": ((axis(15, 4, 7, step=2), axis(13, 5, 5, step=3)), 2, 7),
    "offset": ((axis(9, 3, 5, start=-2), axis(11, 4, 6, start=7)), 1, 18),
    "between": ((axis(9, 3, 6, step=Fraction(3, 2)), axis(9, 3, 4, 1, Fraction(9, 4))), 1, 4),
    "filter": ((axis(15, 6, 3, start=1, step=-1), axis(15, 6, 3, start=1, step=-1)), 4, 3),
    "not square": ((axis(5, 2, 4), axis(40, 12, 39)), 1, 9),
    "tiles of rows": ((axis(90, 40, 89), axis(8, 2, 7)), 1, 5),
    "tiles of columns": ((axis(8, 2, 7), axis(150, 70, 149)), 1, 5),
    "blocks of channels": ((axis(9, 3, 8), axis(9, 3, 8)), 2, 67),
    "one sample": ((axis(2, 1, 1), axis(2, 1, 1)), 3, 2),
    "series": ((axis(31, 9, 30),), 3, 21),
    "series, nyquist": ((axis(16, 9, 16),), 2, 130),
    "long series": ((axis(200, 80, 199),), 1, 3),
}
NORMS: tuple[Norm, ...] = ("parseval", "none")
TOLERANCE = {torch.bfloat16: 2e-2, torch.float16: 2e-6, torch.float32: 2e-6}  # of the largest


def maps(name: str, dtype: torch.dtype = torch.float32, *, last: bool = False) -> Tensor:
    axes, n, c = CASES[name]
    space = [a.grid.count for a in axes]
    if last:
        return torch.randn(n, *space, c).to(dtype).movedim(-1, 1)
    return torch.randn(n, c, *space).to(dtype)


def spectra(name: str, dtype: torch.dtype = torch.float32) -> Tensor:
    axes, n, c = CASES[name]
    return torch.randn(len(frequencies(axes)), 2, n, c).to(dtype)


def dense(axes: Axes, norm: Norm) -> Tensor:
    """The whole transform, `(bins, 2, *samples)`, written down from the bins' frequencies."""
    rows = []
    for k in frequencies(axes):
        turns = torch.zeros((), dtype=torch.float64)
        for j, a in zip(k, axes, strict=True):
            places = [a.grid.start + a.grid.step * i for i in range(a.grid.count)]
            own = [float(j * Fraction(p) / a.length % 1) for p in places]
            turns = turns.unsqueeze(-1) + torch.tensor(own, dtype=torch.float64)
        alone = all(2 * j % a.length == 0 for j, a in zip(k, axes, strict=True))
        weight = (1 if alone else 2) / math.prod(a.length for a in axes)
        angle = 2 * math.pi * turns
        row = torch.stack([torch.cos(angle), -torch.sin(angle)])
        rows.append(row * (weight**0.5 if norm == "parseval" else 1.0))
    return torch.stack(rows)


def assert_near(actual: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    error = (actual.double() - expected.double()).abs().max()
    assert error <= TOLERANCE[dtype] * expected.double().abs().max()


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", CASES)
def test_both_directions_are_the_dense_matrix(name: str, norm: Norm, last: bool) -> None:
    axes = CASES[name][0]
    matrix, x, z = dense(axes, norm), maps(name, last=last), spectra(name)

    spectrum = kernels.analysis(x, axes, norm)
    space = list(range(2, x.ndim))
    assert_near(spectrum, torch.tensordot(matrix, x.double(), (space, space)), x.dtype)
    assert spectrum.is_contiguous()

    back = kernels.adjoint(z, axes, norm, last=last)
    assert_near(back, torch.tensordot(z.double(), matrix, ([0, 1], [0, 1])), x.dtype)
    assert (back.movedim(1, -1) if last else back).is_contiguous()


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", ["odd", "nyquist", "strided", "blocks of channels", "series"])
def test_each_dtype_is_what_pytorch_makes_of_it(name: str, dtype: torch.dtype, last: bool) -> None:
    axes, computed = CASES[name][0], torch.bfloat16 if dtype == torch.bfloat16 else torch.float32
    x, z = maps(name, dtype, last=last), spectra(name, computed)

    spectrum = kernels.analysis(x, axes, "parseval")
    assert spectrum.dtype == computed
    assert_near(spectrum, dft.analysis(x.double(), axes, "parseval"), dtype)

    back = kernels.adjoint(z, axes, "parseval", last=last)
    expected = dft.adjoint(z.double(), axes, "parseval", last=last)
    assert back.dtype == computed
    assert back.stride() == expected.stride()
    assert_near(back, expected, dtype)


@pytest.mark.parametrize("name", ["odd", "nyquist", "strided", "series"])
def test_adjointness(name: str) -> None:
    axes, x, z = CASES[name][0], maps(name), spectra(name)
    there = (kernels.analysis(x, axes, "parseval").double() * z).sum()
    back = (kernels.adjoint(z, axes, "parseval", last=False).double() * x).sum()
    torch.testing.assert_close(there, back, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("name", ["odd", "nyquist", "blocks of channels", "series"])
def test_layouts_hold_the_same_numbers(name: str, last: bool) -> None:
    axes, x = CASES[name][0], maps(name, last=last)
    plain = kernels.analysis(x, axes, "parseval")
    torch.testing.assert_close(
        kernels.analysis(x, axes, "parseval", layout="turned"), turned(plain), rtol=0, atol=0
    )
    beside = kernels.analysis(x, axes, "parseval", layout="beside")
    assert beside.transpose(1, 2).is_contiguous()
    torch.testing.assert_close(beside, plain, rtol=0, atol=0)
    torch.testing.assert_close(
        kernels.adjoint(beside, axes, "none", last=last),
        kernels.adjoint(plain, axes, "none", last=last),
        rtol=0,
        atol=0,
    )


def test_the_map_may_have_another_dtype() -> None:
    axes, z = CASES["odd"][0], spectra("odd")
    whole = kernels.adjoint(z, axes, "parseval", last=True)
    half = kernels.adjoint(z, axes, "parseval", last=True, dtype=torch.float16)
    torch.testing.assert_close(half, whole.half(), rtol=0, atol=0)


def test_a_map_that_lies_otherwise_is_copied() -> None:
    axes = CASES["odd"][0]
    x = maps("odd").transpose(0, 1).contiguous().transpose(0, 1)
    expected = kernels.analysis(x.contiguous(), axes, "parseval")
    torch.testing.assert_close(kernels.analysis(x, axes, "parseval"), expected, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(0, 3, 8, 10), (3, 0, 8, 10)])
def test_no_maps(shape: tuple[int, ...]) -> None:
    axes = CASES["odd"][0]
    spectrum = kernels.analysis(torch.zeros(shape), axes, "parseval")
    assert spectrum.shape == (len(frequencies(axes)), 2, *shape[:2])
    assert kernels.adjoint(spectrum, axes, "parseval", last=False).shape == shape
