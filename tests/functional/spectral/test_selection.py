"""Thresholds, the largest coefficients and bands, against whole complex spectra of numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import passband as pb
from passband.functional import (
    band_conv1d,
    band_conv2d,
    band_limit,
    keep_largest,
    spec_conv1d,
    spec_conv2d,
    spectral_threshold,
    to_space,
    to_spectrum,
)
from passband.functional.spectral.spectrum import SpectrumNorm
from passband.packing.sparse import Store
from spectra import F32, F64, NORMS, back, close, maps, random_spectrum, ring_of, whole

LENGTHS: list[tuple[int, ...]] = [(1,), (6,), (7,), (1, 1), (6, 4), (5, 7), (4, 4), (2, 3, 4)]
DTYPES = [F64, F32, torch.bfloat16]
STORES: tuple[Store, ...] = ("exact", "bfloat16", "int8")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_coefficients_below_the_threshold_are_zero_and_others_as_they_were(
    lengths: tuple[int, ...], norm: SpectrumNorm, dtype: torch.dtype
) -> None:
    s = random_spectrum(lengths, batch=4, channels=3, norm=norm, dtype=dtype)
    full = whole(s)
    for beta in (0.3, 1.0, 1.7):
        scaled = beta if norm == "ortho" else beta * math.prod(lengths) ** 0.5
        expected = np.where(np.abs(full) >= scaled, full, 0)
        found = spectral_threshold(s, scaled)
        assert found.values.dtype == dtype
        assert (found.space, found.lengths, found.norm) == (s.space, s.lengths, norm)
        if dtype != torch.bfloat16:  # of which a square rounds by as much as two magnitudes differ
            assert np.array_equal(whole(found), expected)
        differs = np.abs(whole(found) - expected) > 0
        assert (np.abs(np.abs(full[differs]) - scaled) < 0.01 * scaled).all()
        back(whole(found), norm)  # real maps


def test_a_magnitude_of_beta_itself_is_kept() -> None:
    values = torch.tensor([[3.0, -4.0], [0.0, 5.0], [-5.0, 0.0], [2.9, 4.0]]).view(4, 2, 1, 1)
    for dtype in DTYPES:
        s = pb.Spectrum(values.to(dtype), (6,), (6,))
        kept = spectral_threshold(s, 5.0).values.any(1).flatten().tolist()
        assert kept == [True, True, True, False]


@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_the_magnitude_that_counts_and_not_a_part(dtype: torch.dtype) -> None:
    values = torch.tensor([[0.8, 0.8], [0.9, 0.0], [0.0, -0.9], [-0.8, 0.8]]).view(4, 2, 1, 1)
    found = spectral_threshold(pb.Spectrum(values.to(dtype), (6,), (6,)), 1.0).values
    assert torch.equal(found[0], values[0].to(dtype))
    assert torch.equal(found[3], values[3].to(dtype))
    assert not found[1:3].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_threshold_of_zero_keeps_all(dtype: torch.dtype) -> None:
    s = random_spectrum((6, 4), dtype=dtype)
    for beta in (0, 0.0, torch.tensor(0.0)):
        assert torch.equal(spectral_threshold(s, beta).values, s.values)
    zeros = s.with_values(torch.zeros_like(s.values))
    assert torch.equal(spectral_threshold(zeros, 0.0).values, zeros.values)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_infinite_threshold_keeps_nothing(dtype: torch.dtype) -> None:
    s = random_spectrum((6, 4), dtype=dtype)
    assert not spectral_threshold(s, math.inf).values.any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_no_number_is_kept_to_be_seen(dtype: torch.dtype) -> None:
    values = torch.full((4, 2, 1, 1), 0.1)
    values[1, 0], values[2, 1], values[3] = math.nan, math.nan, math.inf
    found = spectral_threshold(pb.Spectrum(values.to(dtype), (6,), (6,)), 1.0).values
    assert torch.isnan(found[1, 0]).all()
    assert torch.isnan(found[2, 1]).all()
    assert torch.isinf(found[3]).all()
    assert not found[0].any()


def test_beta_may_be_a_tensor() -> None:
    s = random_spectrum((6, 4), dtype=F32)
    for beta in (0.4, 1.1):
        for shape in ((), (1,)):
            found = spectral_threshold(s, torch.full(shape, beta))
            assert torch.equal(found.values, spectral_threshold(s, beta).values)


@pytest.mark.parametrize("dtype", [F64, F32])
def test_dropped_coefficients_pass_no_gradient_and_kept_ones_all_of_it(dtype: torch.dtype) -> None:
    s = random_spectrum((6, 5), batch=3, channels=5, dtype=dtype)
    values = s.values.requires_grad_()
    found = spectral_threshold(s.with_values(values), 1.0).values
    cotangent = maps(*values.shape, dtype=dtype, seed=1)
    (grad,) = torch.autograd.grad(found, values, cotangent)
    kept = np.hypot(*values.detach().double().numpy().transpose(1, 0, 2, 3)) >= 1.0
    assert 0.1 < kept.mean() < 0.9
    assert np.array_equal(grad.numpy(), np.where(kept[:, None], cotangent.numpy(), 0))


@pytest.mark.parametrize("store", STORES)
def test_what_is_stored_never_changes_outputs(store: Store) -> None:
    x = maps(2, 3, 6, 5, dtype=F32).requires_grad_()
    s = to_spectrum(x, 1)
    assert torch.equal(spectral_threshold(s, 0.8, store).values, spectral_threshold(s, 0.8).values)
    assert torch.equal(keep_largest(s, 0.3, store).values, keep_largest(s, 0.3).values)
    band = pb.Band(keep=0.3)
    assert torch.equal(band_limit(s, band, store).values, band_limit(s, band).values)


@pytest.mark.parametrize("keep", [1e-6, 0.1, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_the_largest_of_each_map_as_numpy_sorts_them(lengths: tuple[int, ...], keep: float) -> None:
    for dtype in (F64, F32):
        s = random_spectrum(lengths, batch=3, channels=4, dtype=dtype)
        parts = s.values.double().numpy()
        magnitude = np.hypot(parts[:, 0], parts[:, 1])
        count = max(1, math.floor(keep * len(parts) + 0.5))
        expected = np.zeros_like(parts)
        for n in range(3):
            for c in range(4):
                largest = np.argsort(magnitude[:, n, c])[-count:]
                expected[largest, :, n, c] = parts[largest, :, n, c]
        found = keep_largest(s, keep)
        assert np.array_equal(found.values.double().numpy(), expected)
        assert ((found.values != 0).any(1).sum(0) == count).all()
        ring_of(found)  # real maps


def test_all_as_large_and_still_so_many() -> None:
    s = pb.Spectrum(torch.ones(13, 2, 2, 3), (24,), (24,))
    assert ((keep_largest(s, 0.5).values != 0).any(1).sum(0) == 7).all()


@pytest.mark.parametrize(
    ("dtype", "magnitudes"),
    [(F64, [1.0, 1 + 1e-10, 1 + 2e-10, 1 + 3e-10]), (F32, [1e-30, 2e-30, 1e-30, 3e-30])],
)
def test_the_largest_by_a_little_or_of_the_very_small(
    dtype: torch.dtype, magnitudes: list[float]
) -> None:
    values = torch.zeros(4, 2, 1, 1, dtype=dtype)
    values[:, 0, 0, 0] = torch.tensor(magnitudes, dtype=dtype)
    found = keep_largest(pb.Spectrum(values, (6,), (6,)), 0.25).values
    assert found[:, 0, 0, 0].nonzero().flatten().tolist() == [3]


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        (F64, 1e-30), (F64, 1e30),
        (F32, 1e-30), (F32, 1e25),  # whose squares are 0 and infinite
    ],
)  # fmt: skip
def test_thresholds_of_very_small_and_very_large_numbers(dtype: torch.dtype, scale: float) -> None:
    values = torch.zeros(4, 2, 1, 1, dtype=dtype)
    values[:, 0, 0, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=dtype) * scale
    found = spectral_threshold(pb.Spectrum(values, (6,), (6,)), 2.5 * scale).values
    assert found[:, 0, 0, 0].nonzero().flatten().tolist() == [2, 3]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("keep", [0.1, 0.4, 0.8, 1.0])
@pytest.mark.parametrize("space", [(7,), (8,), (6, 8), (7, 5)], ids=str)
def test_after_a_band_a_convolution_is_the_band_limited_one(
    space: tuple[int, ...], keep: float, norm: SpectrumNorm
) -> None:
    """Its filter is cut too, but what is cut off meets zeros."""
    dims = len(space)
    spectral, of_maps = ((spec_conv1d, band_conv1d), (spec_conv2d, band_conv2d))[dims - 1]
    x, w = maps(2, 4, *space).requires_grad_(), maps(6, 2, *(3,) * dims, seed=1).requires_grad_()
    b, band = maps(6, seed=2).requires_grad_(), pb.Band(keep=keep)
    options: dict[str, Any] = {"padding": 1, "padding_mode": "circular"}
    expected = of_maps(x, w, b, groups=2, band=band, **options)
    found = to_space(spectral(band_limit(to_spectrum(x, 0, norm), band), w, b, groups=2))
    close(found, expected, 1e-12)
    cotangent = maps(*found.shape, seed=3)
    for one, other in zip(
        torch.autograd.grad(found, (x, w, b), cotangent),
        torch.autograd.grad(expected, (x, w, b), cotangent), strict=True,
    ):  # fmt: skip
        close(one, other, 1e-12)


@pytest.mark.parametrize("modes", [1, 2, (2, 3), (4, 1), (4, 4)])
def test_a_band_is_a_box_of_frequencies(modes: int | tuple[int, int]) -> None:
    s = random_spectrum((6, 7))
    full = whole(s)
    per_axis = (modes, modes) if isinstance(modes, int) else modes
    for axis, (m, L) in enumerate(zip(per_axis, s.lengths, strict=True), start=2):
        frequency = np.abs(np.fft.fftfreq(L, 1 / L).round())
        shape = [1, 1, 1, 1]
        shape[axis] = L
        full = np.where((frequency < m).reshape(shape), full, 0)
    assert np.array_equal(whole(band_limit(s, pb.Band(modes=modes))), full)


def test_selections_one_after_another_keep_what_all_keep() -> None:
    s = random_spectrum((6, 8), batch=3)
    values = s.values.requires_grad_()
    found = spectral_threshold(band_limit(s.with_values(values), pb.Band(keep=0.5)), 0.8)
    both = (band_limit(s, pb.Band(keep=0.5)).values != 0) & (spectral_threshold(s, 0.8).values != 0)
    assert torch.equal(found.values, torch.where(both, values, 0.0))
    (grad,) = torch.autograd.grad(found.values.sum(), values)
    assert torch.equal(grad, both.any(1, keepdim=True).expand_as(grad).to(grad.dtype))


S = to_spectrum(torch.zeros(2, 3, 6, 4))
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "maps": (lambda: spectral_threshold(torch.zeros(1, 1, 4), 1.0), TypeError, "ToSpectrum"),  # type: ignore[arg-type]
    "negative": (lambda: spectral_threshold(S, -0.1), ValueError, "-0.1"),
    "nan": (lambda: spectral_threshold(S, math.nan), ValueError, "nan"),
    "words": (lambda: spectral_threshold(S, "1"), TypeError, "'1'"),  # type: ignore[arg-type]
    "nothing": (lambda: spectral_threshold(S, None), TypeError, "None"),  # type: ignore[arg-type]
    "true": (lambda: spectral_threshold(S, True), TypeError, "True"),
    "two": (lambda: spectral_threshold(S, torch.ones(2)), ValueError, r"\(2,\)"),
    "integer": (lambda: spectral_threshold(S, torch.tensor(1)), ValueError, "int64"),
    "store": (lambda: spectral_threshold(S, 1.0, "int4"), ValueError, "int4"),  # type: ignore[arg-type]
    "keep 0": (lambda: keep_largest(S, 0.0), ValueError, "0.0"),
    "keep more": (lambda: keep_largest(S, 1.1), ValueError, "1.1"),
    "keep nan": (lambda: keep_largest(S, math.nan), ValueError, "nan"),
    "keep store": (lambda: keep_largest(S, 0.5, "fp8"), ValueError, "fp8"),  # type: ignore[arg-type]
    "keep of maps": (lambda: keep_largest([], 0.5), TypeError, "list"),  # type: ignore[arg-type]
    "no band": (lambda: band_limit(S, 0.5), TypeError, "0.5"),  # type: ignore[arg-type]
    "energy": (lambda: band_limit(S, pb.Band(energy=0.9)), ValueError, "energy"),
    "band store": (lambda: band_limit(S, pb.Band(keep=0.5), "x"), ValueError, "x"),  # type: ignore[arg-type]
    "threshold": (lambda: pb.nn.Threshold(-1), ValueError, "-1"),
    "threshold nan": (lambda: pb.nn.Threshold(math.nan), ValueError, "nan"),
    "threshold word": (lambda: pb.nn.Threshold("1"), TypeError, "'1'"),  # type: ignore[arg-type]
    "threshold store": (lambda: pb.nn.Threshold(1, "int4"), ValueError, "int4"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_selected(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()


def test_the_layer_computes_what_the_function_computes() -> None:
    s = random_spectrum((6, 4), dtype=F32)
    layer = pb.nn.Threshold(0.7)
    assert torch.equal(layer(s).values, spectral_threshold(s, 0.7).values)
    other = pb.nn.Threshold(0.0)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(s).values, layer(s).values)
    assert isinstance(layer.beta, Tensor)
    assert [*layer.state_dict()] == ["beta"]
