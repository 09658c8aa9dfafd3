"""Band-limited convolution: one autograd function for every dimension, way and direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from passband.functional.plan import Plan
from passband.functional.product import multiply, multiply_across, multiply_back, turned
from passband.functional.spatial import backward_spatial, forward_spatial
from passband.transforms.fourier import Part, adjoint, analysis, count
from passband.transforms.fourier.constants import is_kept
from passband.transforms.layout import is_channels_last
from passband.transforms.precision import compute_dtype, without_autocast
from passband.transforms.recording import apply

_CACHED_BYTES = 4 << 20

Spectra = Callable[[Tensor, Plan, torch.dtype], Tensor]


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    plan: Plan,
    spectra: Spectra | None = None,
) -> Tensor:
    """The band-limited convolution that `plan` describes.

    Args:
        x: `(N, C, *space)`.
        weight: as in `nn.Conv` or, for a transposed geometry, `nn.ConvTranspose`.
        bias: `(outputs,)` or None.
        plan: how to compute it.
        spectra: remembers `filter_spectra`; for calls without gradients.

    Returns:
        `(N, outputs, *space)`, with the dtype and memory format of x.
    """
    held = x if plan.holds == "map" else analysis(x, plan.geometry.source, plan.transform)
    last = is_channels_last(x)
    if spectra is not None:
        return _forward(held, weight, bias, plan, x.dtype, last, spectra)
    out: Tensor = apply(_Convolve, held, weight, bias, plan, x.dtype, last)
    return out


def filter_spectra(
    weight: Tensor, plan: Plan, dtype: torch.dtype, part: Part | None = None
) -> Tensor:
    """The filters' spectra, `(bins, 2, *channels)`, with the channels as the weight has them."""
    axes, way = plan.geometry.filter_axes, plan.filter_transform
    return analysis(weight.to(dtype), axes, way, "none", part)


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
        dtype: torch.dtype,
        last: bool,
    ) -> Tensor:
        return _forward(held, weight, bias, plan, dtype, last)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        held, weight, bias, ctx.plan, ctx.dtype, ctx.last = inputs
        ctx.weight_shape, ctx.weight_dtype = weight.shape, weight.dtype
        ctx.held_shape, ctx.held_dtype = held.shape, held.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype
        needs_input, needs_weight = ctx.needs_input_grad[:2]
        ctx.save_for_backward(held if needs_weight else None, weight if needs_input else None)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        held, weight = ctx.saved_tensors
        plan: Plan = ctx.plan
        with without_autocast(grad.device):
            precision = _precision(plan, ctx.dtype, grad.device)
            weight = None if weight is None else weight.to(precision)
            through = backward_spatial if plan.way == "spatial" else _backward_spectral
            grad_held, grad_weight, grad_bias = through(grad.to(precision), held, weight, ctx)
        return (
            None if grad_held is None else grad_held.to(ctx.held_dtype),
            None if grad_weight is None else grad_weight.to(ctx.weight_dtype),
            None if grad_bias is None else grad_bias.to(ctx.bias_dtype),
            None, None, None,
        )  # fmt: skip


def _forward(
    held: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    plan: Plan,
    dtype: torch.dtype,
    last: bool,
    spectra: Spectra | None = None,
) -> Tensor:
    with without_autocast(held.device):
        precision = _precision(plan, dtype, held.device)
        bias = None if bias is None else bias.to(precision)
        if plan.way == "spatial":
            return forward_spatial(held, weight.to(precision), bias, plan, last=last).to(dtype)
        source = _source(held, plan)
        if spectra is not None:
            z = _to_target(source, spectra(weight, plan, precision), plan)
        else:
            parts = _parts(plan, weight.numel(), precision, held.device)
            weight = weight.to(precision)
            z = _joined(
                _to_target(_cut(source, part), filter_spectra(weight, plan, precision, part), plan)
                for part in parts
            )
        geometry = plan.geometry
        if bias is not None:
            z = _with_mean(z, bias * math.prod(geometry.lengths) ** 0.5)
        return adjoint(z, geometry.target_axes, plan.transform, last=last).to(dtype)


def _backward_spectral(
    grad: Tensor, held: Tensor | None, weight: Tensor | None, ctx: Any
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of what is held of the input, of weight and bias, by products of spectra."""
    plan: Plan = ctx.plan
    geometry, groups = plan.geometry, plan.geometry.groups
    target = analysis(grad, geometry.target_axes, plan.transform)
    source = None if held is None else _source(held, plan)
    axes, way = geometry.filter_axes, plan.filter_transform
    grads_held: list[Tensor] = []
    grads_weight: list[Tensor] = []
    for part in _parts(plan, math.prod(ctx.weight_shape), grad.dtype, grad.device):
        here = _cut(target, part)
        beside = None if geometry.transposed else turned(here)
        if weight is not None:
            filters = filter_spectra(weight, plan, weight.dtype, part)
            if beside is None:
                back = multiply(here, filters, groups)
            else:
                back = multiply_back(beside, filters, groups)
            grads_held.append(back)
        if source is not None:
            near = _cut(source, part)
            pair = (turned(near), here) if beside is None else (beside, near)
            spectra = multiply_across(*pair, groups)
            grads_weight.append(adjoint(spectra, axes, way, "none", ctx.weight_dtype, part=part))
    grad_held = grad_weight = grad_bias = None
    if weight is not None:
        grad_held = _joined(grads_held)
        if plan.holds == "map":
            grad_held = adjoint(grad_held, geometry.source, plan.transform, last=ctx.last)
    if held is not None:
        grad_weight = reduce(torch.add, grads_weight)
    if ctx.needs_input_grad[2]:
        grad_bias = target[0, 0].sum(0) * math.prod(geometry.lengths) ** 0.5
    return grad_held, grad_weight, grad_bias


def _to_target(source: Tensor, filters: Tensor, plan: Plan) -> Tensor:
    groups = plan.geometry.groups
    if plan.geometry.transposed:
        return multiply_back(turned(source), filters, groups)
    return multiply(source, filters, groups)


def _parts(plan: Plan, taps: int, dtype: torch.dtype, device: torch.device) -> list[Part | None]:
    """Bins that are multiplied at once: on a CPU so many that filter spectra stay in its cache.

    Of a weight they are as many times larger as the band has more bins than the filter taps.
    """
    axes = plan.geometry.filter_axes
    bins, filters = count(axes), taps // math.prod(a.grid.count for a in axes)
    most = max(1, _CACHED_BYTES // max(1, 2 * filters * dtype.itemsize))
    by_matrix = plan.filter_transform == "dft" and is_kept(axes)
    if bins <= most or not by_matrix or device.type != "cpu":
        return [None]
    number = -(-bins // most)
    edges = [bins * i // number for i in range(number + 1)]
    return list(pairwise(edges))


def _cut(spectrum: Tensor, part: Part | None) -> Tensor:
    return spectrum if part is None else spectrum[part[0] : part[1]]


def _joined(spectra: Iterable[Tensor]) -> Tensor:
    parts = list(spectra)
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _source(held: Tensor, plan: Plan) -> Tensor:
    """The input's kept half spectrum."""
    spectral = plan.holds == "spectrum"
    return held if spectral else analysis(held, plan.geometry.source, plan.transform)


def _with_mean(z: Tensor, mean: Tensor) -> Tensor:
    """The spectrum of maps moved by a constant: the first bin is that of frequency 0."""
    first, rest = z[:1], z[1:]
    moved = torch.stack([first[:, 0] + mean, first[:, 1]], dim=1)
    return torch.cat([moved, rest])


def _precision(plan: Plan, dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """PyTorch's own convolution takes what it is given, a transform what it computes in."""
    return dtype if plan.direct else compute_dtype(dtype, plan.transform, device.type)
