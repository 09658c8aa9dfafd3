"""The kernels against the transform of PyTorch and against a dense matrix."""

from __future__ import annotations

from collections.abc import Iterator

import kernel_setting
import pytest
import torch
from transform_cases import CASES, NORMS, assert_near, dense, maps, spectra

from passband.functional.product import turned
from passband.kernels import gpu as kernels
from passband.transforms.fourier import Norm, dft
from passband.transforms.fourier.bins import frequencies

pytest.importorskip("triton", reason="Triton is not installed")


@pytest.fixture(autouse=True, scope="module")
def interpreter() -> Iterator[None]:
    with kernel_setting.interpreted():
        yield


TOLERANCE = {torch.bfloat16: 2e-2, torch.float16: 2e-6, torch.float32: 2e-6}  # of the largest


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", CASES)
def test_both_directions_are_the_dense_matrix(name: str, norm: Norm, last: bool) -> None:
    axes = CASES[name][0]
    matrix, x, z = dense(axes, norm), maps(name, last=last), spectra(name)

    spectrum = kernels.analysis(x, axes, norm)
    space = list(range(2, x.ndim))
    assert_near(spectrum, torch.tensordot(matrix, x.double(), (space, space)), TOLERANCE[x.dtype])
    assert spectrum.is_contiguous()

    back = kernels.adjoint(z, axes, norm, last=last)
    assert_near(back, torch.tensordot(z.double(), matrix, ([0, 1], [0, 1])), TOLERANCE[x.dtype])
    assert (back.movedim(1, -1) if last else back).is_contiguous()


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", ["odd", "nyquist", "strided", "blocks of channels", "series"])
def test_each_dtype_is_what_pytorch_makes_of_it(name: str, dtype: torch.dtype, last: bool) -> None:
    axes, computed = CASES[name][0], torch.bfloat16 if dtype == torch.bfloat16 else torch.float32
    x, z = maps(name, dtype, last=last), spectra(name, computed)

    spectrum = kernels.analysis(x, axes, "parseval")
    assert spectrum.dtype == computed
    assert_near(spectrum, dft.analysis(x.double(), axes, "parseval"), TOLERANCE[dtype])

    back = kernels.adjoint(z, axes, "parseval", last=last)
    expected = dft.adjoint(z.double(), axes, "parseval", last=last)
    assert back.dtype == computed
    assert back.stride() == expected.stride()
    assert_near(back, expected, TOLERANCE[dtype])


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
