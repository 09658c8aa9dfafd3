"""Band-limited convolution: one autograd function for every dimension, way and direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from passband.functional.geometry import Geometry
from passband.functional.plan import Plan
from passband.functional.product import (
    conjugate_transpose,
    filter_matrices,
    matmul,
    merge_filters,
    merge_groups,
    split_groups,
)
from passband.transforms.fourier import adjoint, analysis, regrid
from passband.transforms.precision import compute_dtype, without_autocast


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan) -> Tensor:
    """The band-limited convolution that `plan` describes.

    Args:
        x: `(N, C, *space)`.
        weight: as in `nn.Conv` or, for a transposed geometry, `nn.ConvTranspose`.
        bias: `(outputs,)` or None.
        plan: how to compute it.

    Returns:
        `(N, outputs, *space)`, with the dtype of x.
    """
    batch, channels = x.shape[:2]
    held = x if plan.holds == "map" else _spectrum(x, plan)
    out: Tensor = _Convolve.apply(  # type: ignore[no-untyped-call]
        held, weight, bias, plan, batch, channels, x.dtype
    )
    return out


class _Convolve(torch.autograd.Function):
    """Holds the input's kept half spectrum (or the input, if smaller) and the weight, no more.

    The spectrum is an input of this function, computed by one that holds nothing, so that gradients
    of gradients find their way to the map. Backward is written in differentiable operations.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        held: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        plan: Plan,
        batch: int,
        channels: int,
        dtype: torch.dtype,
    ) -> Tensor:
        with without_autocast(held.device):
            precision = _precision(plan, dtype)
            weight = weight.to(precision)
            bias = None if bias is None else bias.to(precision)
            through = _forward_spatial if plan.way == "spatial" else _forward_spectral
            return through(held, weight, bias, plan, batch, channels).to(dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        held, weight, bias, ctx.plan, ctx.batch, ctx.channels, ctx.dtype = inputs
        ctx.weight_shape, ctx.weight_dtype = weight.shape, weight.dtype
        ctx.held_dtype = held.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype
        needs_input, needs_weight = ctx.needs_input_grad[:2]
        ctx.save_for_backward(held if needs_weight else None, weight if needs_input else None)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        held, weight = ctx.saved_tensors
        needs_input, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        plan: Plan = ctx.plan
        grad_held = grad_weight = grad_bias = None
        with without_autocast(grad.device):
            precision = _precision(plan, ctx.dtype)
            g = grad.to(precision)
            weight = None if weight is None else weight.to(precision)
            through = _backward_spatial if plan.way == "spatial" else _backward_spectral
            grad_held, grad_weight = through(g, held, weight, ctx)
            if needs_input and grad_held is not None:
                grad_held = grad_held.to(ctx.held_dtype)
            if needs_weight and grad_weight is not None:
                grad_weight = grad_weight.to(ctx.weight_dtype)
            if needs_bias:
                grad_bias = g.transpose(0, 1).flatten(1).sum(1).to(ctx.bias_dtype)
        return grad_held, grad_weight, grad_bias, None, None, None, None


def _forward_spectral(
    held: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, batch: int, channels: int
) -> Tensor:
    """By the product of spectra."""
    z = merge_groups(matmul(_source(held, plan, channels), _filters(weight, plan)))
    rows = adjoint(z, plan.geometry.target_axes, plan.transform)
    y = rows.reshape(batch, -1, *rows.shape[1:])
    return y if bias is None else y + bias.view(-1, *[1] * (y.dim() - 2))


def _forward_spatial(
    held: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, batch: int, channels: int
) -> Tensor:
    """By an ordinary convolution of the low-passed map."""
    geometry = plan.geometry
    x, kernel = _lowpassed(held, plan, batch, channels), _as_convolution(weight, geometry)
    stride, dilation = _spatial_steps(geometry)
    zeros = [0] * len(stride)
    y: Tensor = torch.ops.aten.convolution(
        x, kernel, bias, stride, zeros, dilation, False, zeros, geometry.groups
    )
    return y


def _backward_spectral(
    grad: Tensor, held: Tensor | None, weight: Tensor | None, ctx: Any
) -> tuple[Tensor | None, Tensor | None]:
    """Gradients of what is held of the input, and of the weight, by products of spectra."""
    plan: Plan = ctx.plan
    geometry, transposed = plan.geometry, plan.geometry.transposed
    spectrum = analysis(_rows(grad), geometry.target_axes, plan.transform)
    g = split_groups(spectrum, geometry.groups, grad.shape[1])
    grad_held = grad_weight = None
    if weight is not None:
        product = matmul(g, conjugate_transpose(_filters(weight, plan)))
        grad_held = _of_held(merge_groups(product), ctx)
    if held is not None:
        source = _source(held, plan, ctx.channels)
        matrices = merge_filters(matmul(conjugate_transpose(source), g), transposed=transposed)
        taps = adjoint(matrices, geometry.filter_axes, plan.filter_transform, norm="none")
        grad_weight = taps.reshape(ctx.weight_shape)
    return grad_held, grad_weight


def _backward_spatial(
    grad: Tensor, held: Tensor | None, weight: Tensor | None, ctx: Any
) -> tuple[Tensor | None, Tensor | None]:
    """The same gradients, by those of the ordinary convolution of the low-passed map."""
    plan: Plan = ctx.plan
    geometry = plan.geometry
    shape = [ctx.batch, ctx.channels, *(a.grid.count for a in geometry.reach_axes)]
    # A convolution's gradient asks for the shape of an operand that it does not read.
    x = grad.new_empty(1).expand(shape)
    kernel = grad.new_empty(1).expand(_convolution_shape(ctx.weight_shape, geometry))
    if held is not None:
        x = _lowpassed(held, plan, ctx.batch, ctx.channels)
    if weight is not None:
        kernel = _as_convolution(weight, geometry)
    stride, dilation = _spatial_steps(geometry)
    zeros = [0] * len(stride)
    grad_x, grad_kernel, _ = torch.ops.aten.convolution_backward(
        grad, x, kernel, None, stride, zeros, dilation, False, zeros, geometry.groups,
        (weight is not None, held is not None, False),
    )  # fmt: skip
    grad_held = grad_weight = None
    if weight is not None and plan.direct:
        rows = regrid(_rows(grad_x), geometry.reach_axes, geometry.source)
        grad_held = rows.reshape(ctx.batch, ctx.channels, *rows.shape[1:])
    elif weight is not None:
        spectrum = analysis(_rows(grad_x), geometry.reach_axes, plan.transform)
        grad_held = _of_held(spectrum, ctx)
    if held is not None:
        grad_weight = _as_convolution(grad_kernel, geometry)  # its own inverse
    return grad_held, grad_weight


def _of_held(grad_spectrum: Tensor, ctx: Any) -> Tensor:
    """The gradient of what is held, from that of the input's kept half spectrum."""
    plan: Plan = ctx.plan
    if plan.holds == "spectrum":
        return grad_spectrum
    rows = adjoint(grad_spectrum, plan.geometry.source, plan.transform)
    return rows.reshape(ctx.batch, ctx.channels, *rows.shape[1:])


def _precision(plan: Plan, dtype: torch.dtype) -> torch.dtype:
    """Spectra want float32 at least; PyTorch's own convolution takes what it is given."""
    return dtype if plan.direct else compute_dtype(dtype)


def _rows(x: Tensor) -> Tensor:
    """`(N, C, *space)` to `(N·C, *space)`."""
    return x.flatten(0, 1)


def _spectrum(x: Tensor, plan: Plan) -> Tensor:
    return analysis(_rows(x), plan.geometry.source, plan.transform)


def _source(held: Tensor, plan: Plan, channels: int) -> Tensor:
    """The input's kept half spectrum, `(2, bins, groups, N, C / groups)`."""
    spectrum = _spectrum(held, plan) if plan.holds == "map" else held
    return split_groups(spectrum, plan.geometry.groups, channels)


def _filters(weight: Tensor, plan: Plan) -> Tensor:
    """The filters' spectra as matrices, `(2, bins, groups, in, out)`."""
    geometry = plan.geometry
    spectrum = analysis(_rows(weight), geometry.filter_axes, plan.filter_transform, norm="none")
    return filter_matrices(
        spectrum, geometry.groups, weight.shape[0], transposed=geometry.transposed
    )


def _lowpassed(held: Tensor, plan: Plan, batch: int, channels: int) -> Tensor:
    """The band-limited map at every ring position that an output's taps reach."""
    source, reach = plan.geometry.source, plan.geometry.reach_axes
    if plan.direct:
        rows = regrid(_rows(held), source, reach)
    else:
        spectrum = _spectrum(held, plan) if plan.holds == "map" else held
        rows = adjoint(spectrum, reach, plan.transform)
    return rows.reshape(batch, channels, *rows.shape[1:])


def _spatial_steps(geometry: Geometry) -> tuple[list[int], list[int]]:
    stride = [int(g.step) for g in geometry.target]
    return stride, [abs(int(g.step)) for g in geometry.taps]


def _as_convolution(weight: Tensor, geometry: Geometry) -> Tensor:
    """A transposed convolution's weight as that of the convolution that computes the same."""
    if not geometry.transposed:
        return weight
    space = list(range(2, weight.dim()))
    grouped = weight.reshape(geometry.groups, -1, *weight.shape[1:]).transpose(1, 2)
    return grouped.flatten(0, 1).flip(space)


def _convolution_shape(weight: Sequence[int], geometry: Geometry) -> list[int]:
    if not geometry.transposed:
        return list(weight)
    rows, columns, *space = weight
    return [columns * geometry.groups, rows // geometry.groups, *space]
