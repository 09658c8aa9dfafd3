"""Spectral pooling: a map resampled to fewer samples by its own spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, TypeVar

from torch import Tensor

from passband.functional.resampling import resampled
from passband.functional.spectral.pooling import pooled_spectrum
from passband.functional.spectral.spectrum import Spectrum

OutputSize = int | Sequence[int | None] | None
Pooled = TypeVar("Pooled", Tensor, Spectrum)


def spectral_pool1d(input: Pooled, output_size: OutputSize) -> Pooled:  # noqa: A002
    """Spectral pooling of `(N, C, W)` or `(C, W)`; see `spectral_pool2d`."""
    return _spectral_pool("spectral_pool1d", input, output_size, 1)


def spectral_pool2d(input: Pooled, output_size: OutputSize) -> Pooled:  # noqa: A002
    """Spectral pooling: the map without the frequencies that `output_size` samples cannot hold.

    The spectrum is cut to the small size, where both Nyquist bins fold into one, and transformed
    back at that size, so a constant map keeps its value. It is the low-passed periodic map, sampled
    at `n / o` of its grid; gradients are exact, and nothing is held for backward.

    Args:
        input: `(N, C, H, W)` or `(C, H, W)`, real floating point; or the `Spectrum` of maps.
        output_size: size of each space axis, or one for all; None leaves an axis as it is.

    Returns:
        `(N, C, *output_size)`, in the dtype of the input; of a spectrum, that of the pooled maps,
        with a margin smaller by as much.

    Raises:
        TypeError: no real floating-point tensor, or sizes that are not whole numbers.
        ValueError: a size below 1 or above the map's, or a wrong number of them; of a spectrum, a
            margin that does not become a whole number.
        RuntimeError: a wrong number of axes.

    Source:
        Rippel et al., "Spectral Representations for Convolutional Neural Networks", NeurIPS 2015,
        section 4.1.

    Examples:
        >>> import torch
        >>> spectral_pool2d(torch.full((1, 1, 6, 6), 3.0), 4).allclose(torch.tensor(3.0))
        True
    """
    return _spectral_pool("spectral_pool2d", input, output_size, 2)


def spectral_pool3d(input: Pooled, output_size: OutputSize) -> Pooled:  # noqa: A002
    """Spectral pooling of `(N, C, D, H, W)` or `(C, D, H, W)`; see `spectral_pool2d`."""
    return _spectral_pool("spectral_pool3d", input, output_size, 3)


def check_output_size(name: str, output_size: object, dims: int) -> tuple[int | None, ...]:
    """One positive size or None for each space axis.

    Raises:
        TypeError: an entry is neither a whole number nor None.
        ValueError: an entry below 1, or a wrong number of entries.
    """
    entries: tuple[Any, ...] = (output_size,) * dims
    if isinstance(output_size, Sequence) and not isinstance(output_size, str):
        entries = tuple(output_size)
    if len(entries) != dims:
        raise ValueError(f"{name}: output_size has {dims} entries; got {output_size!r}")
    for entry in entries:
        if entry is not None and (isinstance(entry, bool) or not isinstance(entry, Integral)):
            raise TypeError(f"{name}: output_size is made of whole numbers; got {output_size!r}")
        if entry is not None and entry < 1:
            raise ValueError(f"{name}: output_size is at least 1; got {output_size!r}")
    return tuple(None if entry is None else int(entry) for entry in entries)


def _spectral_pool(name: str, x: Pooled, output_size: OutputSize, dims: int) -> Pooled:
    if isinstance(x, Spectrum):
        return pooled_spectrum(name, x, check_output_size(name, output_size, dims))
    if not isinstance(x, Tensor) or not x.is_floating_point():
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"{name}: the input is a real floating-point tensor; got {given}")
    if x.dim() not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: the input has {dims + 2} axes, or {dims + 1} without a batch; got shape "
            f"{tuple(x.shape)}"
        )
    space = x.shape[-dims:]
    sizes = check_output_size(name, output_size, dims)
    if any(n < 1 for n in space):
        raise RuntimeError(
            f"{name}: every space axis has samples; got an input of {tuple(x.shape)}"
        )
    resolved = [n if o is None else o for n, o in zip(space, sizes, strict=True)]
    if any(o > n for n, o in zip(space, resolved, strict=True)):
        raise ValueError(
            f"{name}: spectral pooling makes maps smaller; got output_size={tuple(resolved)} for a "
            f"map of {tuple(space)}"
        )
    maps = x if x.dim() == dims + 2 else x.unsqueeze(0)
    y = resampled(maps, resolved)
    return y.reshape(*x.shape[:-dims], *resolved) if y.dim() != x.dim() else y
