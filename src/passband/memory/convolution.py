"""Convolutions whose output is computed again from what they hold of their input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from passband.functional.convolution import How, describe, from_held, gradients, held_of, how_of
from passband.functional.plan import Plan
from passband.memory.recipe import Recipe, Recipes, Stored, derived, held, hold
from passband.transforms.recording import owned

Ordinary = tuple[list[int], list[int], list[int], bool, list[int], int]
"""Stride, padding, dilation, whether transposed, output padding, and groups."""


def band_convolve(
    recipes: Recipes, stored: Stored, x: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan
) -> Tensor:
    """`functional.convolution.convolve`, remembered.

    Args:
        recipes: of the forward pass.
        stored: how what is held of the input is held.
        x: as in `convolve`.
        weight: as in `convolve`.
        bias: as in `convolve`.
        plan: as in `convolve`.
    """
    kept, how = held_of(x, plan), how_of(x, plan)
    recipe = stored(recipes, kept)
    y: Tensor = _BandConvolve.apply(kept, weight, bias, how, recipe)  # type: ignore[no-untyped-call]

    def again(kept: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return from_held(kept, weight, bias, how)

    parameters = [recipes.wanted(t) for t in (weight, bias) if t is not None]
    recipes.remember(y, derived(again, [recipe, *parameters], convolution=True))
    return y


def convolve(
    recipes: Recipes,
    stored: Stored,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    how: Ordinary,
) -> Tensor:
    """An ordinary convolution, remembered.

    With a kernel of size 1 it holds only the samples that it reads.
    """
    stride, padding, dilation, transposed, more, groups = how
    if max(weight.shape[2:]) == 1 and max(stride) > 1 and not any(padding) and not transposed:
        for axis, step in enumerate(stride, 2):
            x = x[(slice(None),) * axis + (slice(None, None, step),)]
        x = x.contiguous()
        how = [1] * len(stride), padding, dilation, transposed, more, groups
    recipe = stored(recipes, x)
    parameters = [recipes.wanted(t) for t in (weight, bias) if t is not None]
    y: Tensor = _Convolve.apply(x, weight, bias, how, recipe, parameters[0])  # type: ignore[no-untyped-call]

    def again(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        out: Tensor = torch.ops.aten.convolution(x, weight, bias, *how)
        return out

    recipes.remember(y, derived(again, [recipe, *parameters], convolution=True))
    return y


class _BandConvolve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        kept: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        how: How,
        recipe: Recipe,
    ) -> Tensor:
        describe(ctx, kept, weight, bias, how)
        needs_input, needs_weight = ctx.needs_input_grad[:2]
        hold(ctx, [recipe] if needs_weight else [], weight if needs_input else None)
        return owned(from_held(kept, weight, bias, how))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        kept, (weight,) = held(ctx)
        return *gradients(ctx, grad, kept[0] if kept else None, weight), None, None


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        how: Ordinary,
        *recipes: Recipe,
    ) -> Tensor:
        ctx.how, ctx.bias = how, bias is not None and list(bias.shape)
        ctx.shapes = x.shape, weight.shape
        needed = ctx.needs_input_grad[1], ctx.needs_input_grad[0]
        hold(ctx, [recipe for recipe, this in zip(recipes, needed, strict=True) if this])
        y: Tensor = torch.ops.aten.convolution(x, weight, bias, *how)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        found, _ = held(ctx)
        left = iter(found)
        wanted = list(ctx.needs_input_grad[:3])
        x, weight = (
            # Of an operand that is not read the shape is.
            next(left) if needed else grad.new_empty(1).expand(shape)
            for shape, needed in zip(ctx.shapes, (wanted[1], wanted[0]), strict=True)
        )
        grads: tuple[Tensor | None, ...] = torch.ops.aten.convolution_backward(
            grad, x, weight, ctx.bias or None, *ctx.how, wanted
        )
        nothing = None, None, None
        return *(g if need else None for g, need in zip(grads, wanted, strict=True)), *nothing
