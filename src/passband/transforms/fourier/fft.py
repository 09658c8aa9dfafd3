"""The truncated transform by fast Fourier transforms, axis by axis, truncating after each."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.bins import Norm, count, frequencies, weights
from passband.transforms.fourier.constants import constant
from passband.transforms.fourier.ring import place, take
from passband.transforms.layout import laid_out


def analysis(x: Tensor, axes: tuple[Axis, ...], norm: Norm) -> Tensor:
    """Samples `(N, C, *counts)` to the kept half spectrum `(bins, 2, N, C)`."""
    spectrum = x.contiguous()
    for i in range(len(axes) - 1, -1, -1):
        axis, dim = axes[i], i + 2
        length = axis.folded or axis.length
        if axis.folded is None:  # otherwise the FFT itself adds the zeros
            spectrum = place(spectrum, axis, dim)
        if i == len(axes) - 1:
            spectrum = torch.fft.rfft(spectrum, n=length, dim=dim).narrow(dim, 0, axis.modes)
        else:
            spectrum = torch.fft.fft(spectrum, n=length, dim=dim)
            spectrum = spectrum.index_select(dim, constant(_rows, (axis,), norm, x))
    parts = torch.view_as_real(spectrum.flatten(2)).permute(2, 3, 0, 1)
    if len(axes) > 1 or axes[0].own > 1:
        parts = parts.index_select(0, constant(_places, axes, norm, x))
    weight = constant(_weights, axes, norm, x)
    return (parts * weight.view(-1, 1, 1, 1)).contiguous()


def adjoint(spectrum: Tensor, axes: tuple[Axis, ...], norm: Norm, *, last: bool) -> Tensor:
    """The exact adjoint of `analysis`: `(bins, 2, N, C)` to `(N, C, *counts)`.

    Args:
        spectrum: `(bins, 2, N, C)`.
        axes: ring, band and grid of each axis.
        norm: of the bins.
        last: whether the channels of the result shall lie last in memory.
    """
    weighted = spectrum * constant(_weights, axes, norm, spectrum).view(-1, 1, 1, 1)
    planes = weighted.permute(2, 3, 0, 1).contiguous()
    sizes = [_kept(axis) for axis in axes[:-1]] + [axes[-1].modes]
    z = torch.view_as_complex(planes)
    if len(axes) > 1 or axes[0].own > 1:
        whole = z.new_zeros(*z.shape[:2], math.prod(sizes))
        z = whole.index_copy(2, constant(_places, axes, norm, spectrum), z)
    z = z.reshape(*z.shape[:2], *sizes)
    for dim, axis in enumerate(axes[:-1], start=2):
        length = axis.folded or axis.length
        shape = [*z.shape[:dim], length, *z.shape[dim + 1 :]]
        rows = constant(_rows, (axis,), norm, spectrum)
        # Adding, not writing: on a folded ring both Nyquist bins fall into one.
        z = torch.fft.ifft(z.new_zeros(shape).index_add(dim, rows, z), dim=dim, norm="forward")
        z = _samples(z, axis, dim)
    axis, dim = axes[-1], len(axes) + 1
    length = axis.folded or axis.length
    real, imaginary = constant(_alone, (axis,), norm, spectrum)
    z = torch.complex(z.real * real, z.imag * imaginary)
    return laid_out(
        _samples(torch.fft.irfft(z, n=length, dim=dim, norm="forward"), axis, dim), last=last
    )


def _kept(axis: Axis) -> int:
    """How many bins of a full axis are kept: 0, 1, …, modes - 1, and the mirrored ones."""
    return axis.modes + axis.pairs


def _rows(axes: tuple[Axis, ...], norm: Norm, device: torch.device) -> Tensor:
    """Where the bins of a full axis lie in its whole spectrum."""
    (axis,) = axes
    length = axis.folded or axis.length
    mirrored = range(-axis.pairs, 0)
    return torch.tensor([k % length for k in [*range(axis.modes), *mirrored]], device=device)


def _alone(axes: tuple[Axis, ...], norm: Norm, device: torch.device) -> Tensor:
    """Factors of real and imaginary parts of a halved axis, `(2, bins)`.

    irfft counts each bin with its conjugate twin, the adjoint counts the stored bin alone; and what
    a backend does with an imaginary part of the self-conjugate bins is its own affair.
    """
    (axis,) = axes
    length = axis.folded or axis.length
    factors = torch.full((2, axis.modes), 0.5, dtype=torch.float64)
    for k in {0, length // 2} if length % 2 == 0 else {0}:
        if k < axis.modes:
            factors[0, k], factors[1, k] = 1.0, 0.0
    return factors.to(device)


def _places(axes: tuple[Axis, ...], norm: Norm, device: torch.device) -> Tensor:
    """Where each bin lies in a truncated spectrum of full axes and a halved last one."""
    places = []
    for k in frequencies(axes):
        place = 0
        for own_k, axis in zip(k[:-1], axes[:-1], strict=True):
            place = place * _kept(axis) + own_k % _kept(axis)
        places.append(place * axes[-1].modes + k[-1])
    return torch.tensor(places, device=device)


def _weights(axes: tuple[Axis, ...], norm: Norm, device: torch.device) -> Tensor:
    return weights(axes, norm, torch.empty(count(axes), dtype=torch.float64, device=device))


def _samples(ring: Tensor, axis: Axis, dim: int) -> Tensor:
    if axis.folded is not None:
        return ring.narrow(dim, 0, axis.grid.count)
    return take(ring, axis, dim)
