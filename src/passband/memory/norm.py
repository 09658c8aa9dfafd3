"""Normalisations that hold how to compute their input, and the statistics they took of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from passband.memory.recipe import Recipe, Recipes, Stored, derived, held, hold


def batch_norm(
    recipes: Recipes,
    stored: Stored,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`F.batch_norm`."""
    recipe = stored(recipes, x)
    y: Tensor
    y, mean, scale = _BatchNorm.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, running_mean, running_var, training, momentum, eps, recipe
    )
    parameters = [t for t in (weight, bias) if t is not None]
    has = weight is not None, bias is not None

    def again(x: Tensor, mean: Tensor, scale: Tensor, *parameters: Tensor) -> Tensor:
        return _affine(x, mean, scale, *_where(has, parameters))

    recipes.remember(y, derived(again, [recipe, *map(recipes.wanted, (mean, scale, *parameters))]))
    return y


def _where(has: tuple[bool, ...], values: tuple[Tensor, ...]) -> list[Tensor | None]:
    """The values in the places that have one."""
    left = iter(values)
    return [next(left) if there else None for there in has]


def _affine(
    x: Tensor, mean: Tensor, scale: Tensor, weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    """What normalisation by known statistics is."""
    space, wide = [1] * (x.dim() - 2), torch.promote_types(x.dtype, torch.float32)
    mean, factor = mean.to(wide), scale.to(wide)
    if weight is not None:
        factor = factor * weight
    shift = -mean * factor if bias is None else bias - mean * factor
    y = torch.addcmul(shift.view(-1, *space), x.to(wide), factor.view(-1, *space))
    return y.to(x.dtype)


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        training: bool,
        momentum: float,
        eps: float,
        recipe: Recipe,
    ) -> tuple[Tensor, Tensor, Tensor]:
        y, mean, scale = torch.native_batch_norm(
            x, weight, bias, running_mean, running_var, training, momentum, eps
        )
        if not training:
            assert running_mean is not None
            assert running_var is not None
            mean, scale = running_mean.clone(), (running_var + eps).rsqrt()
        ctx.training, ctx.eps = training, eps
        hold(ctx, [recipe], weight, mean, scale)
        ctx.mark_non_differentiable(mean, scale)
        return y, mean, scale

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        (x,), (weight, mean, scale) = held(ctx)
        assert mean is not None
        assert scale is not None
        wanted = [bool(need) for need in ctx.needs_input_grad[:3]]
        variance = scale**-2 - ctx.eps
        # Running statistics are of the dtype of the parameters.
        dtype = mean.dtype if weight is None else weight.dtype
        running = mean.to(dtype), variance.to(dtype)
        grads: tuple[Tensor, ...] = torch.ops.aten.native_batch_norm_backward(
            grad, x, weight, *running, mean, scale, ctx.training, ctx.eps, wanted
        )
        found = (g if need else None for g, need in zip(grads, wanted, strict=True))
        return *found, *[None] * 6
