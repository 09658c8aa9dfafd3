"""The `spatial` way: an ordinary convolution of the low-passed map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from passband.functional.geometry import Geometry
from passband.functional.plan import Plan
from passband.transforms.fourier import adjoint, analysis, regrid


def forward_spatial(
    held: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, *, last: bool
) -> Tensor:
    """The convolution of what is held of the input."""
    geometry = plan.geometry
    x, kernel = _lowpassed(held, plan, last=last), _as_convolution(weight, geometry)
    stride, dilation = _steps(geometry)
    zeros = [0] * len(stride)
    y: Tensor = torch.ops.aten.convolution(
        x, kernel, bias, stride, zeros, dilation, False, zeros, geometry.groups
    )
    return y


def backward_spatial(
    grad: Tensor, held: Tensor | None, weight: Tensor | None, ctx: Any
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of what is held of the input, of the weight and of the bias."""
    plan: Plan = ctx.plan
    geometry = plan.geometry
    maps = ctx.held_shape[:2] if plan.holds == "map" else ctx.held_shape[2:]
    # A convolution's gradient asks for the shape of an operand that it does not read.
    x = grad.new_empty(1).expand(*maps, *(a.grid.count for a in geometry.reach_axes))
    kernel = grad.new_empty(1).expand(_convolution_shape(ctx.weight_shape, geometry))
    if held is not None:
        x = _lowpassed(held, plan, last=ctx.last)
    if weight is not None:
        kernel = _as_convolution(weight, geometry)
    stride, dilation = _steps(geometry)
    zeros = [0] * len(stride)
    wanted = (weight is not None, held is not None, ctx.needs_input_grad[2])
    grad_x, grad_kernel, grad_bias = torch.ops.aten.convolution_backward(
        grad, x, kernel, [grad.shape[1]], stride, zeros, dilation, False, zeros, geometry.groups,
        wanted,
    )  # fmt: skip
    grad_held = None
    if weight is not None and plan.direct:
        grad_held = regrid(grad_x, geometry.reach_axes, geometry.source)
    elif weight is not None:
        grad_held = analysis(grad_x, geometry.reach_axes, plan.transform)
        if plan.holds == "map":
            grad_held = adjoint(grad_held, geometry.source, plan.transform, last=ctx.last)
    grad_weight = None if held is None else _as_convolution(grad_kernel, geometry)  # self-inverse
    return grad_held, grad_weight, grad_bias if wanted[2] else None


def _lowpassed(held: Tensor, plan: Plan, *, last: bool) -> Tensor:
    """The band-limited map at every ring position that an output's taps reach."""
    source, reach = plan.geometry.source, plan.geometry.reach_axes
    if plan.direct:
        return regrid(held, source, reach)
    spectrum = analysis(held, source, plan.transform) if plan.holds == "map" else held
    return adjoint(spectrum, reach, plan.transform, last=last)


def _steps(geometry: Geometry) -> tuple[list[int], list[int]]:
    """Stride and dilation."""
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
