"""Truncated Fourier transforms between samples on a ring and the kept half spectrum.

A map has `P` channels-and-batch rows and `d` space axes: samples are `(P, *counts)`. Its kept half
spectrum is one real tensor `(2, bins, P)`: real and imaginary plane, then the kept bins (row-major,
each axis in FFT order, the last one halved), then the rows. Bins come first because the product of
spectra is one matrix product for each bin. There are two ways to compute it, `"fft"` and `"dft"`,
equal to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from passband.transforms.fourier import dft, fft
from passband.transforms.fourier.axis import Axis, Grid
from passband.transforms.fourier.ring import regrid
from passband.transforms.fourier.weights import Norm
from passband.transforms.precision import compute_dtype, without_autocast

__all__ = ["Axis", "Grid", "Norm", "Transform", "adjoint", "analysis", "regrid"]

Transform = Literal["fft", "dft"]
Direction = Literal["analysis", "adjoint"]
_TRANSFORMS = {"fft": fft, "dft": dft}


def analysis(
    x: Tensor, axes: Sequence[Axis], way: Transform = "fft", norm: Norm = "parseval"
) -> Tensor:
    r"""The kept half spectrum of samples on a ring.

    For the kept bins k and sample positions p, with weights :math:`w_k` as `norm` says,

    .. math:: X_k = w_k \sum_p x_p\, e^{-2\pi i\, k p / L}

    on each axis. Half-precision samples are transformed in float32. Differentiable any number of
    times; autograd holds nothing for it.

    Args:
        x: samples `(P, *counts)`, real.
        axes: ring, band and grid of each space axis.
        way: `"fft"`, or `"dft"` for matrix products.
        norm: `"parseval"` or `"none"`.

    Returns:
        `(2, bins, P)` in float32, or float64 if x is.

    Examples:
        >>> x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
        >>> analysis(x, [Axis(4, 1, Grid(0, 1, 4))], norm="none")[0]
        tensor([[10.]])
    """
    return _linear(x, "analysis", tuple(axes), way, norm, None)


def adjoint(
    spectrum: Tensor,
    axes: Sequence[Axis],
    way: Transform = "fft",
    norm: Norm = "parseval",
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""The adjoint of `analysis`; with `norm="parseval"` also its inverse on the kept band.

    .. math:: x_p = \mathrm{Re} \sum_k w_k X_k\, e^{2\pi i\, k p / L}

    Args:
        spectrum: `(2, bins, P)`.
        axes: ring, band and grid of each space axis; the grid may be strided.
        way: `"fft"`, or `"dft"` for matrix products.
        norm: `"parseval"` or `"none"`.
        dtype: of the result, by default that of the spectrum.

    Returns:
        Samples `(P, *counts)`.
    """
    return _linear(spectrum, "adjoint", tuple(axes), way, norm, dtype)


def _linear(
    x: Tensor,
    direction: Direction,
    axes: tuple[Axis, ...],
    way: Transform,
    norm: Norm,
    dtype: torch.dtype | None,
) -> Tensor:
    # Most calls come from another function's forward or backward, with nothing to record.
    run = _Linear.apply if torch.is_grad_enabled() else _Linear.forward
    out: Tensor = run(x, direction, axes, way, norm, dtype)
    return out


class _Linear(torch.autograd.Function):
    """A linear map whose backward is its adjoint, so nothing needs to be held."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor,
        direction: Direction,
        axes: tuple[Axis, ...],
        way: Transform,
        norm: Norm,
        dtype: torch.dtype | None,
    ) -> Tensor:
        with without_autocast(x.device):
            rows = x.to(compute_dtype(x.dtype))
            out: Tensor = getattr(_TRANSFORMS[way], direction)(rows, axes, norm)
        return out if dtype is None else out.to(dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, *ctx.transform, _ = inputs
        ctx.dtype = x.dtype

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        direction, axes, way, norm = ctx.transform
        back: Direction = "adjoint" if direction == "analysis" else "analysis"
        return _linear(grad, back, axes, way, norm, ctx.dtype), None, None, None, None, None
