"""Maps to spectra and back, against numpy's FFT."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.functional import spectral_pool2d, to_space, to_spectrum
from passband.functional.spectral.spectrum import SpectrumNorm
from passband.functional.spectral.transform import margin_for
from spectra import (
    F32,
    F64,
    NORMS,
    axes_of,
    close,
    cropped,
    maps,
    on_whole_ring,
    padded,
    ring_of,
    transformed,
    whole,
)

SIZES: list[tuple[tuple[int, ...], int | tuple[int, ...]]] = [
    *(((n,), margin) for n in (1, 2, 3, 6, 7) for margin in (0, 1, 4)),
    *((space, margin) for space in ((1, 1), (1, 5), (4, 1), (6, 4), (5, 7)) for margin in (0, 1)),
    ((6, 4), (0, 3)), ((5, 4), (2, 1)), ((2, 3, 4), 0), ((3, 1, 5), (1, 2, 0)), ((4, 4, 4), 2),
]  # fmt: skip
ROUNDING = {F64: 1e-13, F32: 2e-6, torch.bfloat16: 0.02}


def lengths_of(space: tuple[int, ...], margin: int | tuple[int, ...]) -> tuple[int, ...]:
    margins = (margin,) * len(space) if isinstance(margin, int) else margin
    return tuple(n + more for n, more in zip(space, margins, strict=True))


def halved(space: tuple[int, ...], norm: SpectrumNorm) -> Tensor:
    """Any half spectrum of those lengths, as numpy has it."""
    x = maps(2, 3, *space).numpy()
    return torch.from_numpy(np.fft.rfftn(x, axes=axes_of(x), norm=norm))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("space", "margin"), SIZES, ids=str)
def test_a_spectrum_is_numpys_of_the_padded_maps(
    space: tuple[int, ...], margin: int | tuple[int, ...], norm: SpectrumNorm
) -> None:
    for dtype, tolerance in ROUNDING.items():
        x = maps(2, 3, *space, dtype=dtype)
        s = to_spectrum(x, margin, norm)
        lengths = lengths_of(space, margin)
        assert (s.space, s.lengths, s.norm, s.shape) == (space, lengths, norm, (2, 3, *space))
        ring = padded(x, lengths)
        close(whole(s), transformed(ring, norm), tolerance)
        half = np.fft.rfftn(ring, axes=axes_of(ring), norm=norm)
        close(s.complex().to(torch.complex128).numpy(), half, tolerance)
        close(to_space(s), x, tolerance)
        assert to_space(s).dtype == s.values.dtype == dtype


@pytest.mark.parametrize("n", [90, 95, 96, 97, 128])
@pytest.mark.parametrize("channels", [3, 20])
def test_long_axes_where_the_way_to_compute_changes(n: int, channels: int) -> None:
    for dtype, tolerance in ((F64, 1e-13), (F32, 2e-6)):
        for space in ((n,), (3, n), (n, 2)):
            x = maps(2, channels, *space, dtype=dtype)
            s = to_spectrum(x, 1)
            close(whole(s), transformed(padded(x, s.lengths), "ortho"), tolerance)
            close(to_space(s), x, tolerance)


def test_half_precision_of_16_bits_is_transformed_in_float32() -> None:
    x = maps(2, 3, 5, 4, dtype=torch.float16)
    s = to_spectrum(x, 1)
    assert s.values.dtype == F32
    close(whole(s), transformed(padded(x, s.lengths), "ortho"), 2e-6)
    assert s.complex().dtype == torch.complex64


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("lengths", [(1,), (4,), (5,), (4, 6), (5, 4), (1, 3), (2, 3, 4)], ids=str)
def test_complex_and_back(lengths: tuple[int, ...], norm: SpectrumNorm) -> None:
    z = halved(lengths, norm)
    s = pb.Spectrum.of_complex(z, lengths, norm=norm)
    assert s.space == lengths
    close(s.complex().numpy(), z.numpy(), 0)
    again = pb.Spectrum.of_complex(s.complex(), lengths, norm=norm)
    assert torch.equal(again.values, s.values)
    close(to_space(s), ring_of(s), 1e-13)
    smaller = tuple(max(1, n - 1) for n in lengths)
    found = to_space(pb.Spectrum.of_complex(z, lengths, smaller, norm))
    close(found, cropped(ring_of(s), smaller), 1e-13)


@pytest.mark.parametrize("lengths", [(1,), (4,), (5,), (4, 6), (5, 4), (2, 3, 4)], ids=str)
def test_multiplicities_count_every_frequency_and_give_parsevals_sum(
    lengths: tuple[int, ...],
) -> None:
    x = maps(2, 3, *lengths)
    s = to_spectrum(x)
    mirrors = [
        all(2 * one % L == 0 for one, L in zip(k, lengths, strict=True)) for k in s.frequencies
    ]
    assert s.multiplicity.tolist() == [1.0 if mirror else 2.0 for mirror in mirrors]
    assert s.own == sum(mirrors)
    assert s.multiplicity.sum() == math.prod(lengths)
    energy = (s.values.square().sum(1) * s.multiplicity[:, None, None]).sum(0)
    close(energy, x.square().flatten(2).sum(2), 1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_the_unit_is_dc_of_ones(norm: SpectrumNorm) -> None:
    for lengths in ((1,), (7,), (4, 6), (2, 3, 5)):
        s = to_spectrum(torch.ones(1, 1, *lengths, dtype=F64), norm=norm)
        assert s.frequencies[0] == (0,) * len(lengths)
        close(s.values[0, 0].flatten(), torch.tensor([s.unit], dtype=F64), 1e-13)
        close(s.values[1:], torch.zeros_like(s.values[1:]), 1e-13)


def dense(s: pb.Spectrum) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of each bin, as matrices of the samples, from the definition."""
    at = np.array(list(itertools.product(*(range(n) for n in s.space))))
    turns = (np.array(s.frequencies) / np.array(s.lengths)) @ at.T
    weight = math.prod(s.lengths) ** -0.5 if s.norm == "ortho" else 1.0
    z = weight * np.exp(-2j * np.pi * turns)
    return torch.from_numpy(z.real.copy()), torch.from_numpy(z.imag.copy())


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("space", "margin"), [((4,), 0), ((5,), 3), ((4, 3), (0, 1)), ((2, 3, 2), 1)], ids=str
)
def test_gradients_are_the_adjoint_matrices(
    space: tuple[int, ...], margin: int | tuple[int, ...], norm: SpectrumNorm
) -> None:
    x = maps(2, 3, *space).requires_grad_()
    s = to_spectrum(x, margin, norm)
    re, im = dense(s)
    cotangent = maps(*s.values.shape, seed=1)
    (found,) = torch.autograd.grad(s.values, x, cotangent)
    expected = torch.einsum("bnc,bp->ncp", cotangent[:, 0], re)
    expected += torch.einsum("bnc,bp->ncp", cotangent[:, 1], im)
    close(found.flatten(2), expected, 1e-13)

    # Back: samples are the sum over all frequencies, so each pair counts twice.
    values = maps(*s.values.shape, seed=2).requires_grad_()
    free = pb.Spectrum(values, s.space, s.lengths, norm)
    cotangent = maps(2, 3, *space, seed=3)
    (found,) = torch.autograd.grad(to_space(free), values, cotangent)
    of_inverse = s.multiplicity / (1 if norm == "ortho" else math.prod(s.lengths))
    for part, matrix in ((0, re), (1, im)):
        expected = torch.einsum("ncp,bp->bnc", cotangent.flatten(2), matrix)
        close(found[:, part], expected * of_inverse[:, None, None], 1e-13)


def test_finite_differences_agree() -> None:
    x = maps(1, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: to_spectrum(t, (1, 0)).values, x)
    assert torch.autograd.gradcheck(lambda t: to_space(to_spectrum(t, 1)), x)
    assert torch.autograd.gradcheck(lambda t: torch.view_as_real(to_spectrum(t).complex()), x)
    assert torch.autograd.gradgradcheck(lambda t: to_spectrum(t, 1).values.square(), x)
    z = halved((3, 4), "ortho").requires_grad_()
    assert torch.autograd.gradcheck(lambda t: pb.Spectrum.of_complex(t, (3, 4)).values, z)


@pytest.mark.parametrize("norm", NORMS)
def test_a_sum_of_spectra_is_the_spectrum_of_the_sum(norm: SpectrumNorm) -> None:
    x, y = maps(2, 3, 5, 4), maps(2, 3, 5, 4, seed=1)
    total = to_spectrum(x, 1, norm) + to_spectrum(y, 1, norm)
    close(total.values, to_spectrum(x + y, 1, norm).values, 1e-13)
    close(to_space(total), x + y, 1e-13)


def test_layout_in_memory_changes_nothing() -> None:
    x = maps(4, 3, 6, 8)
    expected = to_spectrum(x, 1).values
    last = x.to(memory_format=torch.channels_last)
    turned = x.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    sliced = torch.stack([x, x], -1).flatten(3)[..., ::2]
    for view in (last, turned, sliced):
        assert torch.equal(view, x)
        close(to_spectrum(view, 1).values, expected, 1e-13)
    expanded = x[:1].expand(4, 3, 6, 8)
    close(to_spectrum(expanded, 1).values, expected[:, :, :1].expand_as(expected), 1e-13)


def test_no_maps_at_all() -> None:
    s = to_spectrum(torch.zeros(0, 3, 5, 4), 1)
    assert s.values.shape == (16, 2, 0, 3)
    assert to_space(s).shape == (0, 3, 5, 4)


def test_no_maps_have_a_complex_spectrum() -> None:
    z = to_spectrum(torch.zeros(0, 3, 5, 4), 1).complex()
    assert z.shape == (0, 3, 6, 3)


def test_density_counts_coefficients_and_not_their_parts() -> None:
    values = torch.zeros(3, 2, 1, 2)
    values[0, 0, 0, 0] = values[1, 1, 0, 1] = 1.0
    values[2, :, 0, 1] = 2.0
    assert pb.Spectrum(values, (4,), (4,)).density() == 0.5


@pytest.mark.parametrize(
    ("kernels", "margin"),
    [
        ([3], (1,)), ([1], (0,)), ([2], (1,)), ([4], (2,)), ([5, 3], (3,)), ([(3, 5)], (1, 2)),
        ([(3, 5), (1, 2)], (1, 3)), ([3] * 12, (12,)),
    ],
)  # fmt: skip
def test_the_margin_is_the_sum_of_half_kernels(
    kernels: list[int | tuple[int, ...]], margin: tuple[int, ...]
) -> None:
    assert margin_for(*kernels) == margin


A = torch.zeros(2, 3, 4)
WRONG_SUMS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "space": (lambda: to_spectrum(A, 1) + to_spectrum(torch.zeros(2, 3, 5)), ValueError, "space"),
    "lengths": (lambda: to_spectrum(A) + to_spectrum(A, 1), ValueError, r"lengths.*\(4,\).*\(5,\)"),
    "norm": (lambda: to_spectrum(A) + to_spectrum(A, 0, "backward"), ValueError, "norm.*backward"),
    "channels": (lambda: to_spectrum(A) + to_spectrum(A[:, :1]), ValueError, r"\(2, 1, 4\)"),
    "batch": (lambda: to_spectrum(A) + to_spectrum(A[:1]), ValueError, r"\(1, 3, 4\)"),
    "a tensor": (lambda: to_spectrum(A) + A, TypeError, "Spectrum"),  # type: ignore[operator]
    "to a tensor": (lambda: A + to_spectrum(A), TypeError, "Spectrum"),  # type: ignore[operator]
}


@pytest.mark.parametrize("case", WRONG_SUMS)
def test_spectra_that_cannot_be_added(case: str) -> None:
    add, error, message = WRONG_SUMS[case]
    with pytest.raises(error, match=message):
        add()


V = torch.zeros(3, 2, 1, 1)
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "integers": (lambda: to_spectrum(A.long()), TypeError, "int64"),
    "complex maps": (lambda: to_spectrum(A + 0j), TypeError, "complex64"),
    "no tensor": (lambda: to_spectrum([1.0]), TypeError, "list"),  # type: ignore[arg-type]
    "no batch": (lambda: to_spectrum(A[0]), RuntimeError, r"\(3, 4\)"),
    "four axes": (lambda: to_spectrum(A.view(2, 3, 1, 1, 2, 2)), RuntimeError, "three space"),
    "no samples": (lambda: to_spectrum(A[..., :0]), ValueError, r"\(2, 3, 0\)"),
    "norm": (lambda: to_spectrum(A, 0, "forward"), ValueError, "forward"),  # type: ignore[arg-type]
    "negative margin": (lambda: to_spectrum(A, -1), ValueError, "-1"),
    "half a margin": (lambda: to_spectrum(A, 0.5), TypeError, "0.5"),  # type: ignore[arg-type]
    "true margin": (lambda: to_spectrum(A, True), TypeError, "True"),
    "margin in words": (lambda: to_spectrum(A, "1"), TypeError, "1"),  # type: ignore[arg-type]
    "two margins": (lambda: to_spectrum(A, (1, 2)), ValueError, r"\(1, 2\)"),
    "maps to space": (lambda: to_space(A), TypeError, "ToSpectrum"),  # type: ignore[arg-type]
    "list to space": (lambda: to_space([]), TypeError, "list"),  # type: ignore[arg-type]
    "complex values": (lambda: pb.Spectrum(V + 0j, (4,), (4,)), TypeError, "complex64"),
    "more samples": (lambda: pb.Spectrum(V, (5,), (4,)), ValueError, r"\(5,\)"),
    "no axes": (lambda: pb.Spectrum(V, (), ()), ValueError, r"\(\)"),
    "axes differ": (lambda: pb.Spectrum(V, (4, 1), (4,)), ValueError, r"\(4, 1\)"),
    "wrong bins": (lambda: pb.Spectrum(V, (6,), (6,)), ValueError, r"\(4, 2, N, C\)"),
    "wrong norm": (lambda: pb.Spectrum(V, (4,), (4,), "none"), ValueError, "none"),  # type: ignore[arg-type]
    "real z": (lambda: pb.Spectrum.of_complex(A, (4,)), ValueError, "float32"),
    "long z": (lambda: pb.Spectrum.of_complex(A + 0j, (4,)), ValueError, r"\(2, 3, 4\)"),
    "not whole": (lambda: spectral_pool2d(to_spectrum(A), 2), RuntimeError, "2 space axes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_has_no_spectrum(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()


def test_the_layers_compute_what_the_functions_compute() -> None:
    x = maps(2, 3, 5, 4)
    for margin in (0, 2, (1, 2), [1, 0]):
        for norm in NORMS:
            s = pb.nn.ToSpectrum(margin, norm)(x)
            assert torch.equal(s.values, to_spectrum(x, margin, norm).values)
            layers = nn.Sequential(pb.nn.ToSpectrum(margin, norm), pb.nn.ToSpace())
            close(layers(x), x, 1e-13)


def test_a_spectrum_knows_nothing_of_the_margin_but_its_samples() -> None:
    s = to_spectrum(maps(2, 3, 5, 4), (3, 2))
    ring = ring_of(s)
    close(to_space(on_whole_ring(s)), ring, 1e-13)
    assert np.abs(ring[:, :, 5:]).max() < 1e-13
    assert np.abs(ring[..., 4:]).max() < 1e-13
