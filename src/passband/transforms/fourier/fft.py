"""The truncated transform by fast Fourier transforms, axis by axis, truncating after each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.ring import place, take
from passband.transforms.fourier.weights import Norm, weights


def analysis(x: Tensor, axes: Sequence[Axis], norm: Norm) -> Tensor:
    """Samples `(P, *counts)` to the kept half spectrum `(2, bins, P)`."""
    if x.shape[0] == 0:  # an FFT of no maps at all is refused by some backends
        return x.new_zeros(2, math.prod(_bin_counts(axes)), 0)
    last = len(axes)
    spectrum: Tensor = x
    for dim in range(last, 0, -1):
        axis = axes[dim - 1]
        length = axis.folded or axis.length
        if axis.folded is None:  # otherwise the FFT itself adds the zeros
            spectrum = place(spectrum, axis, dim)
        if dim == last:
            spectrum = torch.fft.rfft(spectrum, n=length, dim=dim).narrow(dim, 0, axis.modes)
            spectrum = spectrum * weights(axis, norm, half=True, like=x)
        else:
            spectrum = torch.fft.fft(spectrum, n=length, dim=dim)
            spectrum = spectrum.index_select(dim, _rows(axis, length, x.device))
            spectrum = spectrum * weights(axis, norm, half=False, like=x).view(1)
    planes = torch.view_as_real(spectrum.flatten(1))
    return planes.permute(2, 1, 0).contiguous()


def adjoint(spectrum: Tensor, axes: Sequence[Axis], norm: Norm) -> Tensor:
    """The exact adjoint of `analysis`: `(2, bins, P)` to samples `(P, *counts)`."""
    counts = [axis.grid.count for axis in axes]
    if spectrum.shape[-1] == 0:
        return spectrum.new_zeros(0, *counts)
    last = len(axes)
    planes = spectrum.permute(2, 1, 0)
    z = torch.complex(planes[..., 0], planes[..., 1])
    z = z.reshape(z.shape[0], *_bin_counts(axes))
    for dim, axis in enumerate(axes[:-1], start=1):
        z = z * weights(axis, norm, half=False, like=spectrum).view(1)
        length = axis.folded or axis.length
        shape = [*z.shape[:dim], length, *z.shape[dim + 1 :]]
        rows = _rows(axis, length, z.device)
        # Adding, not writing: on a folded ring both Nyquist bins fall into one.
        z = torch.fft.ifft(z.new_zeros(shape).index_add(dim, rows, z), dim=dim, norm="forward")
        z = _samples(z, axis, dim)
    axis = axes[-1]
    z = z * weights(axis, norm, half=True, like=spectrum)
    length = axis.folded or axis.length
    # irfft counts each bin with its conjugate twin, the adjoint counts the stored bin alone; and
    # what a backend does with an imaginary part of the self-conjugate bins is its own affair.
    twins = z.real.new_full((axis.modes,), 0.5)
    alone = z.real.new_ones(axis.modes)
    for k in {0, length // 2} if length % 2 == 0 else {0}:
        if k < axis.modes:
            twins[k], alone[k] = 1.0, 0.0
    z = torch.complex(z.real * twins, z.imag * twins * alone)
    return _samples(torch.fft.irfft(z, n=length, dim=last, norm="forward"), axis, last)


def _bin_counts(axes: Sequence[Axis]) -> list[int]:
    return [a.bins(half=False) for a in axes[:-1]] + [axes[-1].bins(half=True)]


def _rows(axis: Axis, length: int, device: torch.device) -> Tensor:
    return torch.tensor([k % length for k in axis.frequencies(half=False)], device=device)


def _samples(ring: Tensor, axis: Axis, dim: int) -> Tensor:
    if axis.folded is not None:
        return ring.narrow(dim, 0, axis.grid.count)
    return take(ring, axis, dim)
