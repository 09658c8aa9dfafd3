"""Activations that hold one bit for each element, or nothing but how to compute their input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from passband.memory.bits import packed, unpacked
from passband.memory.recipe import Recipe, Recipes, Stored, derived, held, hold, pulled_back

Activation = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Piecewise:
    """An activation of slope 1 between two bounds, and of another slope elsewhere."""

    function: Activation
    low: float
    high: float = float("inf")
    slope: float = 0.0

    def inside(self, x: Tensor) -> Tensor:
        """Where the slope is 1; PyTorch's activations have the other one at the bounds."""
        return x > self.low if self.high == float("inf") else (x > self.low) & (x < self.high)


def piecewise(recipes: Recipes, x: Tensor, kind: Piecewise, *, in_place: bool = False) -> Tensor:
    """A piecewise linear activation: holds one bit for each element.

    Args:
        recipes: of the forward pass.
        x: any shape.
        kind: which.
        in_place: whether the result is written to `x`.
    """
    recipe = recipes.of(x)
    y: Tensor = _Piecewise.apply(x, kind, in_place)  # type: ignore[no-untyped-call]
    if recipe is not None:
        recipes.remember(y, derived(kind.function, [recipe]))
    return y


def smooth(
    recipes: Recipes, stored: Stored, x: Tensor, function: Activation, *, in_place: bool = False
) -> Tensor:
    """An activation whose gradient needs its input: holds what that is computed from.

    Args:
        recipes: of the forward pass.
        stored: how the input is held.
        x: any shape.
        function: of slopes that depend on the input.
        in_place: whether the result is written to `x`.
    """
    recipe = stored(recipes, x)
    if in_place and recipe.step.function is None:  # it would be overwritten
        recipe = stored(recipes, x.detach().clone())
    y: Tensor = _Smooth.apply(x, function, recipe, in_place)  # type: ignore[no-untyped-call]
    recipes.remember(y, derived(function, [recipe]))
    return y


def dropout(recipes: Recipes, x: Tensor, p: float) -> Tensor:
    """`F.dropout` in training: holds one bit for each element.

    Args:
        recipes: of the forward pass.
        x: any shape.
        p: share of elements that become 0.
    """
    # As PyTorch draws them on a CPU, so that the same seed drops the same.
    kept = torch.empty_like(x, requires_grad=False).bernoulli_(1 - p).bool()
    bits, shape, stride = packed(kept), kept.shape, kept.stride()

    scale = 1 / (1 - p)

    def function(x: Tensor, bits: Tensor) -> Tensor:
        return torch.where(unpacked(bits, shape, stride), x * scale, 0.0)

    recipe = recipes.of(x)
    y: Tensor = _Dropout.apply(x, bits, function)  # type: ignore[no-untyped-call]
    if recipe is not None:
        recipes.remember(y, derived(function, [recipe, recipes.wanted(bits)]))
    return y


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bits: Tensor, function: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        ctx.function = function
        ctx.save_for_backward(bits)
        return function(x, bits)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.function(grad, *ctx.saved_tensors), None, None


class _Piecewise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kind: Piecewise, in_place: bool) -> Tensor:
        inside = kind.inside(x)
        ctx.save_for_backward(packed(inside))
        ctx.shape, ctx.stride, ctx.slope = inside.shape, inside.stride(), kind.slope
        if not in_place:
            return kind.function(x)
        ctx.mark_dirty(x)
        return x.copy_(kind.function(x))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inside = unpacked(*ctx.saved_tensors, ctx.shape, ctx.stride)
        outside = grad * ctx.slope if ctx.slope else 0.0
        return torch.where(inside, grad, outside), None, None


class _Smooth(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, function: Activation, recipe: Recipe, in_place: bool
    ) -> Tensor:
        ctx.function = function
        hold(ctx, [recipe])
        if not in_place:
            return function(x)
        ctx.mark_dirty(x)
        return x.copy_(function(x))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x,), _ = held(ctx)
        return pulled_back(ctx.function, [x], grad)[0], None, None, None
