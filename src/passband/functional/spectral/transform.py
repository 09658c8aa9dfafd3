"""From maps to their spectrum, and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from numbers import Integral
from typing import Any, get_args

import torch
from torch import Tensor

from passband.functional.spectral.held import Held, itself
from passband.functional.spectral.spectrum import Spectrum, SpectrumNorm, analysis_norm, rings
from passband.kernels import missing
from passband.transforms.fourier import Axis, Grid, Norm, Transform, adjoint, analysis
from passband.transforms.recording import opaque

_BY_MATRIX = 96  # points of an axis up to which the compiled matrices beat the FFT


@opaque
def to_spectrum(
    x: Tensor, margin: int | Sequence[int] = 0, norm: SpectrumNorm = "ortho"
) -> Spectrum:
    r"""The spectrum of maps.

    .. math:: X_k = w \sum_p x_p e^{-2\pi i\, k p / L}, \quad L = n + \mathrm{margin}

    on each axis, with :math:`w = 1/\sqrt L` for `norm="ortho"`. Holds nothing for backward; what
    needs the spectrum for its own backward holds the maps.

    Args:
        x: `(N, C, *space)` with one to three space axes, real floating point.
        margin: zeros behind the samples of each axis, one number for all or one each. Convolutions
            of a spectrum wrap around; with as many zeros as their taps reach together beyond the
            map (see `margin_for`) what wraps around meets zeros only.
        norm: of the coefficients, `"ortho"` or `"backward"`, as in `torch.fft`.

    Returns:
        A spectrum, in the dtype of the input; float16 in float32.

    Raises:
        TypeError: no real floating-point tensor, or a margin that is no whole number.
        ValueError: a negative margin, a wrong number of them, another norm, or maps without
            samples.
        RuntimeError: a wrong number of axes.

    Source:
        Guan et al., "SpecNet: Spectral Domain Convolutional Neural Network", section 3.1.

    Examples:
        >>> import torch
        >>> s = to_spectrum(torch.ones(1, 1, 3, 4), margin=2)
        >>> s.lengths, round(s.values[0, 0].item(), 3)  # 12 ones over √30
        ((5, 6), 2.191)
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"to_spectrum: the maps are a real floating-point tensor; got {given}")
    if not 3 <= x.dim() <= 5:
        raise RuntimeError(
            f"to_spectrum: maps are (N, C, *space) with one to three space axes; got "
            f"{tuple(x.shape)}"
        )
    if norm not in get_args(SpectrumNorm):
        raise ValueError(f"to_spectrum: norm is 'ortho' or 'backward'; got {norm!r}")
    space = tuple(x.shape[2:])
    if min(space) < 1:
        raise ValueError(f"to_spectrum: every space axis has samples; got {tuple(x.shape)}")
    margins = check_margin("to_spectrum", margin, len(space))
    lengths = tuple(n + more for n, more in zip(space, margins, strict=True))
    how = _on_samples(lengths, space), _way(x, lengths), analysis_norm(norm)
    values = analysis(x, *how)
    values = values.bfloat16() if x.dtype == torch.bfloat16 else values
    version = None if x.is_inference() else x._version
    keep = partial(_held, x.detach(), version, values, how)
    return Spectrum(values, space, lengths, norm, keep)


def _held(
    x: Tensor, version: int | None, values: Tensor, how: tuple[tuple[Axis, ...], Transform, Norm]
) -> Held:
    """The maps, fewer numbers than their spectrum by the margin, if they are what they were."""
    if x.is_inference() or x._version != version:
        return itself(values)

    def restore(x: Tensor) -> Tensor:
        return analysis(x, axes, way, norm)

    axes, way, norm = how
    return Held((x,), restore)


@opaque
def to_space(spectrum: Spectrum) -> Tensor:
    """The maps of a spectrum, without their margin.

    The inverse of `to_spectrum`; holds nothing for backward.

    Args:
        spectrum: of any sizes.

    Returns:
        `(N, C, *space)`, in the dtype of the spectrum.

    Raises:
        TypeError: no `Spectrum`.

    Examples:
        >>> import torch
        >>> x = torch.randn(2, 3, 7)
        >>> torch.testing.assert_close(to_space(to_spectrum(x, margin=2)), x, rtol=0, atol=1e-5)
    """
    check_spectrum("to_space", spectrum)
    inverse: Norm = "inverse of ortho" if spectrum.norm == "ortho" else "inverse of none"
    values = spectrum.values
    axes = _on_samples(spectrum.lengths, spectrum.space)
    return adjoint(values, axes, _way(values, spectrum.lengths), inverse, values.dtype)


def margin_for(*kernel_sizes: int | Sequence[int]) -> tuple[int, ...]:
    """The margin with which convolutions one after another meet no samples around the ring.

    Each lets a sample reach half a kernel further, so that n samples need `n + Σ k // 2` points.
    A threshold and an activation of the spectrum spread over the ring anyway: exact is what lies
    between two of them.

    Args:
        kernel_sizes: of each convolution, one number or one for each axis; all alike.

    Raises:
        ValueError: no kernel, or some with one number and some with more.

    Examples:
        >>> margin_for(3, 3), margin_for((3, 5), (3, 1))
        ((2,), (2, 2))
    """
    sizes = [(k,) if isinstance(k, int) else tuple(k) for k in kernel_sizes]
    if len({len(k) for k in sizes}) != 1:
        raise ValueError(f"margin_for: kernels with as many axes each; got {kernel_sizes}")
    return tuple(sum(k // 2 for k in axis) for axis in zip(*sizes, strict=True))


def check_margin(name: str, margin: object, dims: int) -> tuple[int, ...]:
    """One number of zeros for each axis.

    Raises:
        TypeError: an entry is no whole number.
        ValueError: an entry is negative, or there is a wrong number of them.
    """
    entries: tuple[Any, ...] = (margin,) * dims
    if isinstance(margin, Sequence) and not isinstance(margin, str):
        entries = tuple(margin) * (dims if len(margin) == 1 else 1)
    if len(entries) != dims or not entries:
        raise ValueError(f"{name}: margin is one number or {dims}; got {margin!r}")
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, Integral):
            raise TypeError(f"{name}: margin is made of whole numbers; got {margin!r}")
        if entry < 0:
            raise ValueError(f"{name}: margin is not negative; got {margin!r}")
    return tuple(int(entry) for entry in entries)


def check_spectrum(name: str, spectrum: object) -> None:
    """That it is one.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(spectrum, Spectrum):
        hint = "; a map becomes one by nn.ToSpectrum" if isinstance(spectrum, Tensor) else ""
        raise TypeError(f"{name}: the input is a Spectrum; got {type(spectrum).__name__}{hint}")


@lru_cache(maxsize=1024)
def _on_samples(lengths: tuple[int, ...], space: tuple[int, ...]) -> tuple[Axis, ...]:
    return tuple(a.on(Grid(0, 1, n)) for a, n in zip(rings(lengths), space, strict=True))


def _way(x: Tensor, lengths: tuple[int, ...]) -> Transform:
    by_matrix = missing(x.device.type) is None and max(lengths) <= _BY_MATRIX
    return "fused" if by_matrix else "fft"
