"""The Triton kernels on the device that they are for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from transform_cases import CASES, NORMS, assert_near, dense, maps, spectra

from on_cuda import CUDA, first_candidate, only_on_cuda
from passband.functional.product import turned
from passband.kernels import gpu as kernels
from passband.transforms.fourier import Norm

pytestmark = only_on_cuda

# Of the largest value. float32 is multiplied as three products of tf32.
TOLERANCE = {torch.bfloat16: 2e-2, torch.float16: 1e-5, torch.float32: 1e-5}


@pytest.fixture
def compiled_once() -> Iterator[None]:
    with first_candidate():
        yield


def test_the_kernels_are_there() -> None:
    assert kernels.available("cuda")


@pytest.mark.usefixtures("compiled_once")
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("name", CASES)
def test_both_directions_are_the_dense_matrix(name: str, last: bool, dtype: torch.dtype) -> None:
    axes = CASES[name][0]
    computed = torch.bfloat16 if dtype == torch.bfloat16 else torch.float32
    x, z = maps(name, dtype, last=last).to(CUDA), spectra(name, computed).to(CUDA)
    space = list(range(2, x.dim()))
    for norm in NORMS:
        matrix = dense(axes, norm).to(CUDA)
        spectrum = kernels.analysis(x, axes, norm)
        assert spectrum.dtype == computed
        expected = torch.tensordot(matrix, x.double(), (space, space))
        assert_near(spectrum, expected, TOLERANCE[dtype])
        back = kernels.adjoint(z, axes, norm, last=last)
        expected = torch.tensordot(z.double(), matrix, ([0, 1], [0, 1]))
        assert_near(back, expected, TOLERANCE[dtype])
        assert (back.movedim(1, -1) if last else back).is_contiguous()


@pytest.mark.usefixtures("compiled_once")
@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("name", ["odd", "nyquist", "blocks of channels", "series"])
def test_layouts_hold_the_same_numbers(name: str, last: bool) -> None:
    axes, x = CASES[name][0], maps(name, last=last).to(CUDA)
    plain = kernels.analysis(x, axes, "parseval")
    twice = kernels.analysis(x, axes, "parseval", layout="turned")
    torch.testing.assert_close(twice, turned(plain), rtol=1e-5, atol=1e-6)
    pairs = kernels.analysis(x, axes, "parseval", layout="beside")
    torch.testing.assert_close(pairs, plain, rtol=1e-5, atol=1e-6)
    by_pairs, by_plain = (kernels.adjoint(z, axes, "none", last=last) for z in (pairs, plain))
    torch.testing.assert_close(by_pairs, by_plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("name", ["even", "tiles of rows", "long series"])
def test_every_tile_computes_the_same(
    name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    from passband.kernels.gpu import launch

    axes = CASES[name][0]
    x, z = maps(name, dtype, last=True).to(CUDA), spectra(name, dtype).to(CUDA)
    every, norm = launch.candidates, NORMS[0]
    matrix, space = dense(axes, norm).to(CUDA), list(range(2, x.dim()))
    there = torch.tensordot(matrix, x.double(), (space, space))
    back = torch.tensordot(z.double(), matrix, ([0, 1], [0, 1]))
    for index in range(12):
        monkeypatch.setattr(
            launch, "candidates", lambda p, at=index: [every(p)[at % len(every(p))]]
        )
        monkeypatch.setattr(launch, "_fastest", {})
        assert_near(kernels.analysis(x, axes, norm), there, TOLERANCE[dtype])
        assert_near(kernels.adjoint(z, axes, norm, last=True), back, TOLERANCE[dtype])


@pytest.mark.parametrize("norm", NORMS)
def test_the_fastest_tile_is_found_once(norm: Norm, monkeypatch: pytest.MonkeyPatch) -> None:
    from passband.kernels.gpu import launch

    found: dict[tuple[object, ...], dict[str, int]] = {}
    monkeypatch.setattr(launch, "_fastest", found)
    axes, x = CASES["odd"][0], maps("odd").to(CUDA)
    expected = torch.tensordot(dense(axes, norm).to(CUDA), x.double(), ([2, 3], [2, 3]))
    for _ in range(2):
        assert_near(kernels.analysis(x, axes, norm), expected, TOLERANCE[x.dtype])
        assert len(found) == 1
