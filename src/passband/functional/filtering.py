"""Spectra times filters: a convolution between the two transforms, and its gradients.

The compiled kernels take a weight by its taps. PyTorch's operations take its spectra, which are
larger than the weight by as much as the band has more bins than the filter taps; on a CPU they are
computed and multiplied in parts that stay in its cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor

from passband.functional.plan import Plan
from passband.functional.product import multiply, multiply_across, multiply_back, turned
from passband.kernels import cpu as compiled
from passband.kernels.cpu.transform import is_real
from passband.transforms.fourier import Part, adjoint, analysis, count
from passband.transforms.fourier.constants import is_kept
from passband.transforms.recording import recording

_CACHED_BYTES = 4 << 20

Prepared = Callable[[Tensor, Plan, torch.dtype, bool], Tensor]
"""`prepare`, or what remembers its results."""


def prepare(weight: Tensor, plan: Plan, dtype: torch.dtype, by_taps: bool) -> Tensor:
    """What a product reads of a weight.

    Args:
        weight: as in `nn.Conv` or, for a transposed geometry, `nn.ConvTranspose`.
        plan: of the convolution.
        dtype: in which it is computed.
        by_taps: whether a compiled kernel reads it: its taps in the kernel's order. Otherwise its
            spectra, `(bins, 2, *channels)`, with the channels as the weight has them.
    """
    if by_taps:
        axes = plan.geometry.filter_axes
        return compiled.packed(weight, axes, back=plan.geometry.transposed)
    return _spectra(weight.to(dtype), plan, None)


def filtered(
    source: Tensor, weight: Tensor, plan: Plan, prepared: Prepared | None = None
) -> Tensor:
    """The target's spectrum `(bins, 2, N, outputs)`.

    Args:
        source: `(bins, 2, N, inputs)`.
        weight: as in `nn.Conv` or, for a transposed geometry, `nn.ConvTranspose`.
        plan: of the convolution.
        prepared: remembers what `prepare` returns.
    """
    geometry, dtype = plan.geometry, source.dtype
    if is_real(weight) and _compiled(plan, source):
        by_taps = None if prepared is None else prepared(weight, plan, dtype, True)
        product = compiled.multiply_back if geometry.transposed else compiled.multiply
        return product(source, weight, geometry.filter_axes, by_taps)
    if prepared is not None:
        return _to_target(source, prepared(weight, plan, dtype, False), plan)
    weight = weight.to(dtype)
    return _joined(
        _to_target(_cut(source, part), _spectra(weight, plan, part), plan)
        for part in _parts(plan, weight.numel(), dtype, source.device)
    )


def filtered_back(
    target: Tensor,
    source: Tensor | None,
    weight: Tensor | None,
    plan: Plan,
    weight_shape: torch.Size,
    weight_dtype: torch.dtype,
    weight_last: bool,
) -> tuple[Tensor | None, Tensor | None]:
    """Gradients of the source's spectrum and of the weight.

    Args:
        target: the gradient of the target's spectrum, `(bins, 2, N, outputs)`.
        source: the source's spectrum, where the weight's gradient is wanted.
        weight: where the source's gradient is wanted.
        plan: of the convolution.
        weight_shape: of the weight.
        weight_dtype: of the weight's gradient.
        weight_last: whether the weight's channels lie last in memory.
    """
    spectra = [t for t in (target, source) if t is not None]
    if not recording() and (weight is None or is_real(weight)) and _compiled(plan, *spectra):
        return _back_by_taps(target, source, weight, plan, weight_dtype, weight_last)
    transposed, groups = plan.geometry.transposed, plan.geometry.groups
    axes, way = plan.geometry.filter_axes, plan.filter_transform
    grads_source: list[Tensor] = []
    grads_weight: list[Tensor] = []
    for part in _parts(plan, math.prod(weight_shape), target.dtype, target.device):
        here = _cut(target, part)
        beside = None if transposed else turned(here)
        if weight is not None:
            filters = _spectra(weight.to(target.dtype), plan, part)
            if beside is None:
                grads_source.append(multiply(here, filters, groups))
            else:
                grads_source.append(multiply_back(beside, filters, groups))
        if source is not None:
            near = _cut(source, part)
            pair = (turned(near), here) if beside is None else (beside, near)
            across = multiply_across(*pair, groups)
            grads_weight.append(adjoint(across, axes, way, "none", weight_dtype, part=part))
    grad_source = None if weight is None else _joined(grads_source)
    grad_weight = None if source is None else reduce(torch.add, grads_weight)
    return grad_source, grad_weight


def _back_by_taps(
    target: Tensor,
    source: Tensor | None,
    weight: Tensor | None,
    plan: Plan,
    weight_dtype: torch.dtype,
    weight_last: bool,
) -> tuple[Tensor | None, Tensor | None]:
    axes, transposed = plan.geometry.filter_axes, plan.geometry.transposed
    grad_source = grad_weight = None
    if weight is not None:
        product = compiled.multiply if transposed else compiled.multiply_back
        grad_source = product(target, weight, axes)
    if source is not None:
        pair = (source, target) if transposed else (target, source)
        grad_weight = compiled.multiply_across(*pair, axes, last=weight_last).to(weight_dtype)
    return grad_source, grad_weight


def _compiled(plan: Plan, *spectra: Tensor) -> bool:
    axes, groups = plan.geometry.filter_axes, plan.geometry.groups
    return plan.way == "fused" and compiled.multiplies(axes, groups, *spectra)


def _spectra(weight: Tensor, plan: Plan, part: Part | None) -> Tensor:
    return analysis(weight, plan.geometry.filter_axes, plan.filter_transform, "none", part)


def _to_target(source: Tensor, filters: Tensor, plan: Plan) -> Tensor:
    groups = plan.geometry.groups
    if plan.geometry.transposed:
        return multiply_back(turned(source), filters, groups)
    return multiply(source, filters, groups)


def _parts(plan: Plan, taps: int, dtype: torch.dtype, device: torch.device) -> list[Part | None]:
    """Bins that are multiplied at once: on a CPU so many that filter spectra stay in its cache."""
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
