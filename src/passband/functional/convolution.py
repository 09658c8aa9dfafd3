"""Band-limited convolution: one autograd function for every dimension, way and direction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from passband.functional.filtering import Prepared, filtered, filtered_back
from passband.functional.plan import Plan
from passband.functional.spatial import backward_spatial, forward_spatial
from passband.kernels import cpu as compiled
from passband.transforms.fourier import adjoint, analysis
from passband.transforms.layout import is_channels_last, laid_out
from passband.transforms.precision import compute_dtype, without_autocast
from passband.transforms.recording import apply, check_unbatched, recording

Ready = Callable[[Tensor], Tensor]
"""A convolution with everything settled but the values of the map."""
Convolve = Callable[[Tensor, Tensor, Tensor | None, Plan, Prepared | None], Tensor]
"""`convolve`, or what computes the same."""


@dataclass(frozen=True)
class How:
    """What a convolution from what is held needs beside tensors.

    Attributes:
        plan: of the convolution.
        dtype: of the map.
        last: whether the map's channels lie last in memory.
    """

    plan: Plan
    dtype: torch.dtype
    last: bool


def how_of(x: Tensor, plan: Plan) -> How:
    """How a map is convolved by a plan."""
    return How(plan, x.dtype, is_channels_last(x))


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    plan: Plan,
    prepared: Prepared | None = None,
) -> Tensor:
    """The band-limited convolution that `plan` describes.

    Args:
        x: `(N, C, *space)`.
        weight: as in `nn.Conv` or, for a transposed geometry, `nn.ConvTranspose`.
        bias: `(outputs,)` or None.
        plan: how to compute it.
        prepared: remembers what `filtering.prepare` returns; for calls without gradients.

    Returns:
        `(N, outputs, *space)`, with the dtype and memory format of x.
    """
    held, how = held_of(x, plan), how_of(x, plan)
    if prepared is not None:
        return _forward(held, weight, bias, how, prepared)
    return from_held(held, weight, bias, how)


def held_of(x: Tensor, plan: Plan) -> Tensor:
    """What a convolution holds of its input: the kept half spectrum or, if smaller, the map."""
    return x if plan.holds == "map" else analysis(x, plan.geometry.source, plan.transform)


def from_held(held: Tensor, weight: Tensor, bias: Tensor | None, how: How) -> Tensor:
    """The convolution of a map, of which this is held, in the map's dtype and memory format."""
    out: Tensor = apply(_Convolve, held, weight, bias, how)
    return out


def ready(x: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, prepared: Prepared) -> Ready:
    """`convolve` for maps of the shape, dtype and memory format of `x`, without gradients.

    One call of a compiled kernel, where there is one.
    """
    geometry = plan.geometry
    axes = geometry.source, geometry.filter_axes, geometry.target_axes
    same = compute_dtype(x.dtype, plan.transform, x.device.type) == x.dtype
    if plan.way == "fused" and same and compiled.convolves(x, weight, axes, geometry.groups):
        packed = prepared(weight, plan, x.dtype, True)
        mean = None if bias is None else _mean(bias.detach().to(x.dtype), plan)
        return compiled.Convolution(x, weight, packed, mean, axes, back=geometry.transposed)
    return partial(convolve, weight=weight, bias=bias, plan=plan, prepared=prepared)


class _Convolve(torch.autograd.Function):
    """Holds the input's kept half spectrum (or the input, if smaller) and the weight, no more.

    The spectrum is an input of this function, computed by one that holds nothing, so that gradients
    of gradients find their way to the map. Backward is written in differentiable operations.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(held: Tensor, weight: Tensor, bias: Tensor | None, how: How) -> Tensor:
        return _forward(held, weight, bias, how)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        describe(ctx, *inputs)
        held, weight = inputs[:2]
        needs_input, needs_weight = ctx.needs_input_grad[:2]
        ctx.save_for_backward(held if needs_weight else None, weight if needs_input else None)
        if forward_ad._current_level >= 0:
            ctx.save_for_forward(held, weight)
            ctx.output_shape = output.shape

    @staticmethod
    def jvp(
        ctx: Any, of_held: Tensor | None, of_weight: Tensor | None, of_bias: Tensor | None, _: None
    ) -> Tensor:
        held, weight = ctx.saved_tensors
        how = How(ctx.plan, ctx.dtype, ctx.last)
        tangents = []
        if of_held is not None:
            tangents.append(from_held(of_held, weight, None, how))
        if of_weight is not None:
            tangents.append(from_held(held, of_weight, None, how))
        if of_bias is not None:
            shape = [1, -1] + [1] * (len(ctx.output_shape) - 2)
            tangents.append(of_bias.to(ctx.dtype).view(shape).expand(ctx.output_shape))
        return reduce(torch.add, tangents)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *gradients(ctx, grad, *ctx.saved_tensors), None


def describe(ctx: Any, held: Tensor, weight: Tensor, bias: Tensor | None, how: How) -> None:
    """Write down, in an autograd function's context, what `gradients` reads; no tensor."""
    ctx.plan, ctx.dtype, ctx.last = how.plan, how.dtype, how.last
    ctx.weight_shape, ctx.weight_dtype = weight.shape, weight.dtype
    ctx.weight_last = is_channels_last(weight)
    ctx.held_shape, ctx.held_dtype = held.shape, held.dtype
    ctx.bias_dtype = None if bias is None else bias.dtype


def gradients(
    ctx: Any, grad: Tensor, held: Tensor | None, weight: Tensor | None
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Of what is held of the input, of the weight, and of the bias.

    Args:
        ctx: of an autograd function of these three, as `describe` left it.
        grad: of the output.
        held: where the weight's gradient is wanted.
        weight: where that of what is held is wanted.
    """
    check_unbatched()
    plan: Plan = ctx.plan
    with without_autocast(grad.device):
        precision = _precision(plan, ctx.dtype, grad.device)
        through = _backward_spectral
        if plan.way == "spatial":
            through = backward_spatial
            weight = None if weight is None else weight.to(precision)
        grad_held, grad_weight, grad_bias = through(grad.to(precision), held, weight, ctx)
    return (
        None if grad_held is None else grad_held.to(ctx.held_dtype),
        None if grad_weight is None else grad_weight.to(ctx.weight_dtype),
        None if grad_bias is None else grad_bias.to(ctx.bias_dtype),
    )


def _forward(
    held: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    how: How,
    prepared: Prepared | None = None,
) -> Tensor:
    plan, dtype, last = how.plan, how.dtype, how.last
    with without_autocast(held.device):
        precision = _precision(plan, dtype, held.device)
        bias = None if bias is None else bias.to(precision)
        if plan.way == "spatial":
            y = forward_spatial(held, weight.to(precision), bias, plan, last=last).to(dtype)
            return laid_out(y, last=True) if last else y  # which not every backend does
        z = filtered(_source(held, plan), weight, plan, prepared)
        geometry = plan.geometry
        if bias is not None:
            z = with_mean(z, _mean(bias, plan))
        return adjoint(z, geometry.target_axes, plan.transform, last=last).to(dtype)


def _backward_spectral(
    grad: Tensor, held: Tensor | None, weight: Tensor | None, ctx: Any
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of what is held of the input, of weight and bias, by products of spectra."""
    plan: Plan = ctx.plan
    geometry = plan.geometry
    target = analysis(grad, geometry.target_axes, plan.transform)
    source = None if held is None else _source(held, plan)
    of_weight = ctx.weight_shape, ctx.weight_dtype, ctx.weight_last
    grad_held, grad_weight = filtered_back(target, source, weight, plan, *of_weight)
    grad_bias = None
    if grad_held is not None and plan.holds == "map":
        grad_held = adjoint(grad_held, geometry.source, plan.transform, last=ctx.last)
    if ctx.needs_input_grad[2]:
        grad_bias = target[0, 0].sum(0) * math.prod(geometry.lengths) ** 0.5
    return grad_held, grad_weight, grad_bias


def _source(held: Tensor, plan: Plan) -> Tensor:
    """The input's kept half spectrum."""
    spectral = plan.holds == "spectrum"
    return held if spectral else analysis(held, plan.geometry.source, plan.transform)


def _mean(bias: Tensor, plan: Plan) -> Tensor:
    """By how much a bias moves the first bin, that of frequency 0."""
    return bias * math.sqrt(math.prod(plan.geometry.lengths))


def with_mean(z: Tensor, mean: Tensor) -> Tensor:
    """The spectrum of maps moved by a constant."""
    if not recording():
        z[0, 0] += mean
        return z
    first, rest = z[:1], z[1:]
    moved = torch.stack([first[:, 0] + mean, first[:, 1]], dim=1)
    return torch.cat([moved, rest])


def _precision(plan: Plan, dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """PyTorch's own convolution takes what it is given, a transform what it computes in."""
    return dtype if plan.direct else compute_dtype(dtype, plan.transform, device.type)
