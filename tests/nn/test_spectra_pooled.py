"""Spectral pooling of a spectrum against spectral pooling of the maps on its ring."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.functional import (
    spectral_pool1d,
    spectral_pool2d,
    spectral_pool3d,
    spectral_threshold,
    to_space,
    to_spectrum,
)
from passband.functional.spectral.spectrum import SpectrumNorm
from spectra import F32, F64, NORMS, close, maps, on_whole_ring, random_spectrum, ring_of

LAYERS: dict[int, Callable[[object], nn.Module]] = {
    1: pb.nn.SpectralPool1d,  # type: ignore[dict-item]
    2: pb.nn.SpectralPool2d,  # type: ignore[dict-item]
    3: pb.nn.SpectralPool3d,  # type: ignore[dict-item]
}
FORMS: dict[int, Callable[..., Tensor]] = {
    1: spectral_pool1d,
    2: spectral_pool2d,
    3: spectral_pool3d,
}
SIZES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    *(((n,), (o,)) for n in range(1, 10) for o in range(1, n + 1)),
    *(
        (space, sizes)
        for space in ((6, 4), (5, 7), (8, 8))
        for sizes in itertools.product(*([n, n - 1, n // 2, 1] for n in space))
    ),
    ((4, 5, 6), (2, 4, 3)), ((4, 4, 4), (2, 2, 2)), ((6, 4, 2), (4, 2, 2)),
]  # fmt: skip


@pytest.mark.parametrize("norm", NORMS)
def test_without_a_margin_it_is_the_pooling_of_the_maps(norm: SpectrumNorm) -> None:
    """Every pair of even and odd sizes, Nyquist frequencies among them."""
    for space, sizes in SIZES:
        x = maps(2, 3, *space).requires_grad_()
        pooled = FORMS[len(space)](to_spectrum(x, 0, norm), sizes)
        assert isinstance(pooled, pb.Spectrum)
        assert (pooled.space, pooled.lengths, pooled.norm) == (sizes, sizes, norm)
        expected = FORMS[len(space)](x, sizes)
        found = to_space(pooled)
        close(found, expected, 1e-12)
        close(ring_of(pooled), expected, 1e-12)
        cotangent = maps(*expected.shape, seed=1)
        (one,), (other,) = (torch.autograd.grad(y, x, cotangent) for y in (found, expected))
        close(one, other, 1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("space", "margin", "sizes", "lengths"),
    [
        ((8,), 2, (4,), (5,)), ((6,), 3, (4,), (6,)), ((12, 8), (3, 4), (8, 2), (10, 3)),
        ((8, 8), 4, (4, 8), (6, 12)), ((5, 6), 0, (3, 6), (3, 6)),
        ((4, 4, 4), 2, (2, 2, 2), (3, 3, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_with_a_margin_it_is_that_of_the_ring_and_the_margin_shrinks_alike(
    space: tuple[int, ...], margin: int | tuple[int, ...], sizes: tuple[int, ...],
    lengths: tuple[int, ...], norm: SpectrumNorm,
) -> None:  # fmt: skip
    s = to_spectrum(maps(2, 3, *space), margin, norm)
    pooled = FORMS[len(space)](s, sizes)
    assert isinstance(pooled, pb.Spectrum)
    assert (pooled.space, pooled.lengths, pooled.norm) == (sizes, lengths, norm)
    expected = FORMS[len(space)](torch.from_numpy(ring_of(s)), lengths)
    close(to_space(on_whole_ring(pooled)), expected, 1e-12)
    for axis, n in enumerate(sizes, start=2):
        expected = expected.narrow(axis, 0, n)
    close(to_space(pooled), expected, 1e-12)


def test_none_leaves_an_axis_and_the_same_size_the_spectrum() -> None:
    s = random_spectrum((6, 8))
    for size in (None, (6, 8), (None, 8)):
        close(spectral_pool2d(s, size).values, s.values, 1e-14)
    pooled = spectral_pool2d(s, (None, 4))
    assert pooled.shape == (2, 3, 6, 4)
    close(pooled.values, spectral_pool2d(s, (6, 4)).values, 0)


def test_both_nyquist_bins_fold_into_one_by_hand() -> None:
    t = torch.arange(8, dtype=F64)
    for wave, expected in (
        (torch.cos(2 * math.pi * 2 * t / 8), [1.0, -1.0, 1.0, -1.0]),  # both ±2 are 2 of 4 points
        (torch.sin(2 * math.pi * 2 * t / 8), [0.0] * 4),  # which do not see its sine
        (torch.cos(2 * math.pi * 3 * t / 8), [0.0] * 4),
        (torch.full_like(t, 2.5), [2.5] * 4),
    ):
        for norm in NORMS:
            pooled = spectral_pool1d(to_spectrum(wave[None, None], 0, norm), 4)
            close(to_space(pooled), torch.tensor([[expected]], dtype=F64), 1e-13)


@pytest.mark.parametrize("norm", NORMS)
def test_ones_keep_their_unit(norm: SpectrumNorm) -> None:
    pooled = spectral_pool2d(to_spectrum(torch.ones(1, 1, 9, 6, dtype=F64), 0, norm), (3, 4))
    close(pooled.values[0, 0].flatten(), torch.tensor([pooled.unit], dtype=F64), 1e-13)


@pytest.mark.parametrize("dtype", [F32, torch.bfloat16])
def test_dtypes_stay(dtype: torch.dtype) -> None:
    s = random_spectrum((6, 8), dtype=dtype)
    pooled = spectral_pool2d(s, 4)
    assert pooled.values.dtype == dtype
    exact = spectral_pool2d(s.with_values(s.values.double()), 4)
    close(pooled.values, exact.values, 1e-6 if dtype == F32 else 0.02)


def test_gradients_and_layers_between() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        pb.nn.ToSpectrum(2), pb.nn.SpecBlock2d(2, 3, 3, beta=0.3), pb.nn.SpectralPool2d(4),
        pb.nn.SpecConv2d(3, 2, 3), pb.nn.ToSpace(),
    ).double()  # fmt: skip
    x = maps(2, 2, 8, 8).requires_grad_()
    assert model(x).shape == (2, 2, 4, 4)
    assert torch.autograd.gradcheck(model, x, fast_mode=True)
    s = random_spectrum((6, 5), batch=1, channels=2)
    values = s.values.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda v: spectral_pool2d(s.with_values(v), (4, 2)).values, values
    )


def test_no_map_is_held() -> None:
    """Only where the bins come from, for the pooled ones alike however many maps there are."""
    sizes = []
    for batch, channels in ((1, 1), (8, 16)):
        s = random_spectrum((6, 5), batch, channels)
        given = s.with_values(s.values.requires_grad_())
        sizes.append(pb.memory.saved(lambda: spectral_pool2d(given, 4)).total)  # noqa: B023
    assert sizes[0] == sizes[1]


def test_a_pooled_sparse_spectrum_has_the_right_gradient_behind_it() -> None:
    x, w = maps(2, 3, 8, 8).requires_grad_(), maps(2, 3, 3, 3, seed=1).requires_grad_()
    s = spectral_threshold(to_spectrum(x), 0.8)
    pooled = spectral_pool2d(s, 4)
    found = pb.functional.spec_conv2d(pooled, w)
    free = pb.Spectrum(pooled.values.detach().clone(), pooled.space, pooled.lengths)
    expected = pb.functional.spec_conv2d(free, w)
    one, other = (torch.autograd.grad(to_space(y).pow(2).sum(), w)[0] for y in (found, expected))
    close(one, other, 1e-12)


def test_exported_first_it_computes_the_same_after_it() -> None:
    """What an exporter saw is not what the next call computes with."""
    model = nn.Sequential(pb.nn.ToSpectrum(), pb.nn.SpectralPool2d((7, 5)), pb.nn.ToSpace())
    x = maps(2, 3, 11, 10)
    program = torch.export.export(model, (x,), strict=False)  # no call with these sizes before it
    expected = spectral_pool2d(x, (7, 5))
    close(model(x), expected)
    close(program.module()(x), expected)


def test_function_transforms_are_refused() -> None:
    s = to_spectrum(maps(2, 3, 6, 6))
    with pytest.raises(RuntimeError, match="spectral_pool2d: there are no function transforms"):
        torch.func.grad(lambda v: spectral_pool2d(s.with_values(v), 3).values.sum())(s.values)


def test_no_maps() -> None:
    assert spectral_pool2d(to_spectrum(torch.zeros(0, 3, 6, 6)), 4).shape == (0, 3, 4, 4)


S = to_spectrum(torch.zeros(1, 1, 6, 6), 1)
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "margin": (lambda: spectral_pool2d(S, 4), ValueError, "6 samples and 1 of margin become 4"),
    "larger": (
        lambda: spectral_pool2d(S, (6, 7)),
        ValueError,
        r"smaller; got output_size=\(6, 7\)",
    ),
    "zero": (lambda: spectral_pool2d(S, 0), ValueError, "at least 1"),
    "half": (lambda: spectral_pool2d(S, 2.5), TypeError, "2.5"),  # type: ignore[arg-type]
    "axes": (lambda: spectral_pool1d(S, 3), RuntimeError, "1 space axes"),
    "three": (lambda: LAYERS[3](2)(S), RuntimeError, "3 space axes"),
    "entries": (lambda: LAYERS[2]((2, 2, 2)), ValueError, "2 entries"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_pooled(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()
