"""Spectra as numpy has them: whole and complex, every frequency written out.

Nothing here shares a step with the library: spectra come from `np.fft` of zero-padded maps, a
`Spectrum` is read by its `frequencies` and the conjugates are put beside, convolutions are sums
over the taps of a ring.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import passband as pb
from passband.functional.spectral.spectrum import SpectrumNorm

Array = npt.NDArray[Any]
F32, F64 = torch.float32, torch.float64
NORMS: tuple[SpectrumNorm, ...] = ("ortho", "backward")


def maps(*shape: int, dtype: torch.dtype = F64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=F64, generator=generator).to(dtype)


def axes_of(x: Array) -> tuple[int, ...]:
    """Of the space of `(N, C, *space)`."""
    return tuple(range(2, x.ndim))


def padded(x: Tensor, lengths: Sequence[int]) -> Array:
    """Maps in float64 with zeros behind the samples, `(N, C, *lengths)`."""
    given: Array = x.detach().double().numpy()
    behind = [(0, L - n) for n, L in zip(given.shape[2:], lengths, strict=True)]
    return np.pad(given, [(0, 0), (0, 0), *behind])


def transformed(ring: Array, norm: SpectrumNorm) -> Array:
    """The whole complex spectrum of maps on the ring."""
    out: Array = np.fft.fftn(ring, axes=axes_of(ring), norm=norm)
    return out


def back(whole: Array, norm: SpectrumNorm) -> Array:
    """Maps on the ring, which must be real."""
    ring: Array = np.fft.ifftn(whole, axes=axes_of(whole), norm=norm)
    assert np.abs(ring.imag).max(initial=0) <= 1e-12 * max(1, np.abs(ring.real).max(initial=0))
    real: Array = ring.real
    return real


def whole(spectrum: pb.Spectrum) -> Array:
    """The whole complex spectrum that a `Spectrum` stands for, `(N, C, *lengths)`."""
    values = spectrum.values.detach().double().numpy()
    out = np.full((*spectrum.lengths, *values.shape[2:]), np.nan, dtype=complex)
    for at, k in enumerate(spectrum.frequencies):
        coefficient = values[at, 0] + 1j * values[at, 1]
        for sign, value in ((-1, coefficient.conj()), (1, coefficient)):
            out[tuple(sign * one % L for one, L in zip(k, spectrum.lengths, strict=True))] = value
    return np.moveaxis(out, (-2, -1), (0, 1))


def ring_of(spectrum: pb.Spectrum) -> Array:
    """The maps of a spectrum, margin included."""
    return back(whole(spectrum), spectrum.norm)


def on_whole_ring(spectrum: pb.Spectrum) -> pb.Spectrum:
    """The same spectrum, as of maps without a margin."""
    return pb.Spectrum(spectrum.values, spectrum.lengths, spectrum.lengths, spectrum.norm)


def random_spectrum(
    lengths: tuple[int, ...], batch: int = 2, channels: int = 3, norm: SpectrumNorm = "ortho",
    seed: int = 0, scale: float = 1.0, dtype: torch.dtype = F64,
) -> pb.Spectrum:  # fmt: skip
    """Of random maps on the ring, without the library's transform."""
    ring = scale * maps(batch, channels, *lengths, seed=seed).numpy()
    axes = axes_of(ring)
    half = torch.from_numpy(np.fft.rfftn(ring, axes=axes, norm=norm))
    made = pb.Spectrum.of_complex(half, lengths, norm=norm)
    return made.with_values(made.values.to(dtype))


def cropped(ring: Array, space: Sequence[int]) -> Array:
    """The samples without the margin."""
    for axis, n in enumerate(space, start=2):
        ring = ring.take(range(n), axis)
    return ring


def circular(
    ring: Array, weight: Array, bias: Array | None = None, dilation: int = 1, groups: int = 1
) -> Array:
    """Correlation on a ring, tap by tap, centred as by padding='same'."""
    outputs, inputs = weight.shape[:2]
    out = np.zeros((ring.shape[0], outputs, *ring.shape[2:]))
    for tap in itertools.product(*(range(k) for k in weight.shape[2:])):
        # Output t reads sample t + d (j - (k - 1) / 2), rounded as PyTorch puts the odd zero last.
        reach = [
            dilation * j - dilation * (k - 1) // 2
            for j, k in zip(tap, weight.shape[2:], strict=True)
        ]
        read = np.roll(ring, [-one for one in reach], axes_of(ring))
        for o in range(outputs):
            first = o // (outputs // groups) * inputs
            for c in range(inputs):
                out[:, o] += weight[(o, c, *tap)] * read[:, first + c]
    if bias is not None:
        out += bias.reshape(1, -1, *(1,) * (ring.ndim - 2))
    return out


def close(found: Tensor | Array, expected: Tensor | Array, tolerance: float = 1e-11) -> None:
    """Up to a tolerance, relative to the largest expected value or 1."""
    found, expected = (
        t.detach().double().numpy() if isinstance(t, Tensor) else t for t in (found, expected)
    )
    assert found.shape == expected.shape
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)
