"""Truncated Fourier transforms between samples on a ring and the kept half spectrum.

A map is `(N, C, *counts)`, its channels first or last in memory. Its kept half spectrum is one real
tensor `(bins, 2, N, C)`: the kept bins, in the order of `bins.frequencies`, real and imaginary
part, then the maps. Bins come first because the product of spectra is one matrix product for each
bin. There are three ways to compute it, `"fft"`, `"dft"` and, by kernels, `"fused"`, equal to
rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from passband.transforms.fourier import dft, fft
from passband.transforms.fourier.axis import Axis, Grid
from passband.transforms.fourier.bins import Norm, count, frequencies
from passband.transforms.fourier.ring import regrid
from passband.transforms.layout import is_channels_last
from passband.transforms.precision import Transform, compute_dtype, without_autocast
from passband.transforms.recording import apply, check_unbatched

__all__ = [
    "Axis", "Grid", "Norm", "Part", "Transform", "adjoint", "analysis", "count", "frequencies",
    "regrid",
]  # fmt: skip

Direction = Literal["analysis", "adjoint"]


Part = tuple[int, int]
"""First bin and the one after the last."""


def analysis(
    x: Tensor,
    axes: Sequence[Axis],
    way: Transform = "fft",
    norm: Norm = "parseval",
    part: Part | None = None,
) -> Tensor:
    r"""The kept half spectrum of samples on a ring.

    For the kept bins k and sample positions p, with weights :math:`w_k` as `norm` says,

    .. math:: X_k = w_k \sum_p x_p\, e^{-2\pi i\, k p / L}

    on each axis; of a pair ±k one bin is kept. Differentiable any number of times; autograd holds
    nothing for it.

    Args:
        x: samples `(N, C, *counts)`, real.
        axes: ring, band and grid of each space axis.
        way: `"fft"`; `"dft"` for matrix products; `"fused"` for those in one kernel, where
            there is one for these maps.
        norm: `"parseval"` or `"none"`.
        part: only these bins.

    Returns:
        `(bins, 2, N, C)`, in the dtype that `precision.compute_dtype` says.

    Examples:
        >>> x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
        >>> analysis(x, [Axis(4, 1, Grid(0, 1, 4))], norm="none")[:, 0]
        tensor([[[10.]]])
    """
    return _linear(x, "analysis", tuple(axes), way, norm, part, None, False)


def adjoint(
    spectrum: Tensor,
    axes: Sequence[Axis],
    way: Transform = "fft",
    norm: Norm = "parseval",
    dtype: torch.dtype | None = None,
    *,
    part: Part | None = None,
    last: bool = False,
) -> Tensor:
    r"""The adjoint of `analysis`; with `norm="parseval"` also its inverse on the kept band.

    .. math:: x_p = \mathrm{Re} \sum_k w_k X_k\, e^{2\pi i\, k p / L}

    Args:
        spectrum: `(bins, 2, N, C)`.
        axes: ring, band and grid of each space axis; the grid may be strided.
        way: as in `analysis`.
        norm: `"parseval"` or `"none"`.
        dtype: of the result, by default that of the spectrum.
        part: the bins that the spectrum has, all by default.
        last: whether the channels of the result shall lie last in memory.

    Returns:
        Samples `(N, C, *counts)`.
    """
    return _linear(spectrum, "adjoint", tuple(axes), way, norm, part, dtype, last)


def _linear(
    x: Tensor,
    direction: Direction,
    axes: tuple[Axis, ...],
    way: Transform,
    norm: Norm,
    part: Part | None,
    dtype: torch.dtype | None,
    last: bool,
) -> Tensor:
    out: Tensor = apply(_Linear, x, direction, axes, way, norm, part, dtype, last)
    return out


def _implementation(x: Tensor, axes: tuple[Axis, ...], way: Transform) -> Any:
    if way == "fused":
        from passband import kernels  # it is made of this package's parts

        return kernels if kernels.supports(x, axes) else dft
    if torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export():
        return dft  # ONNX has no complex numbers
    return dft if way == "dft" else fft


class _Linear(torch.autograd.Function):
    """A linear map whose backward is its adjoint, so nothing needs to be held."""

    @staticmethod
    def forward(
        x: Tensor,
        direction: Direction,
        axes: tuple[Axis, ...],
        way: Transform,
        norm: Norm,
        part: Part | None,
        dtype: torch.dtype | None,
        last: bool,
    ) -> Tensor:
        by = _implementation(x, axes, way)
        n, c = x.shape[:2] if direction == "analysis" else x.shape[2:]
        with without_autocast(x.device):
            x = x.to(compute_dtype(x.dtype, way, x.device.type))
            if n * c == 0:
                space = [axis.grid.count for axis in axes]
                bins = count(axes) if part is None else part[1] - part[0]
                out = x.new_zeros((bins, 2, n, c) if direction == "analysis" else (n, c, *space))
            elif part is not None:
                out = getattr(dft, f"{direction}_of_part")(x, axes, norm, part)
            elif direction == "analysis":
                out = by.analysis(x, axes, norm)
            else:
                out = by.adjoint(x, axes, norm, last=last)
        return out if dtype is None else out.to(dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, ctx.direction, *ctx.transform, _, _ = inputs
        ctx.dtype, ctx.forward_dtype, ctx.forward_last = x.dtype, output.dtype, inputs[-1]
        ctx.last = ctx.direction == "analysis" and is_channels_last(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        check_unbatched()
        back: Direction = "adjoint" if ctx.direction == "analysis" else "analysis"
        axes, way, norm, part = ctx.transform
        result = _linear(grad, back, axes, way, norm, part, ctx.dtype, ctx.last)
        return result, *[None] * 7

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        check_unbatched()
        how = ctx.direction, *ctx.transform, ctx.forward_dtype, ctx.forward_last
        return _linear(tangent, *how)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: Tensor, direction: Direction, *how: Any
    ) -> tuple[Tensor, int]:
        # A batch more of maps is more maps.
        at = 0 if direction == "analysis" else 2
        merged = x.movedim(in_dims[0] or 0, at).flatten(at, at + 1)
        out: Tensor = _Linear.apply(merged, direction, *how)  # type: ignore[no-untyped-call]
        there = 2 - at
        parted: Tensor = out.unflatten(there, (info.batch_size, -1))
        return parted, there
