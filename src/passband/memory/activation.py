"""Activations that hold one bit for each element, or nothing but how to compute their input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.memory.bits import packed, unpacked
from passband.memory.recipe import Recipe, Recipes, Stored, derived, held, hold, pulled_back

Activation = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Piecewise:
    """An activation of slope 1 between two bounds, and of another slope at and beyond them."""

    function: Activation
    low: float
    high: float = math.inf
    slope: float = 0.0

    def beyond(self, x: Tensor) -> Tensor:
        """Where the slope is the other one."""
        return x <= self.low if self.high == math.inf else (x <= self.low) | (x >= self.high)

    @property
    def bends_at_zero(self) -> bool:
        """Whether beyond its bound it is the input times the slope."""
        return (self.low, self.high) == (0.0, math.inf)


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
        ctx.slope, ctx.shape = kind.slope, x.shape
        if in_place:
            ctx.mark_dirty(x)
        if compiled.masks(x):
            y = x if in_place else torch.empty_like(x)
            to = y if kind.bends_at_zero else None
            bits, ctx.stride = compiled.mask(x, kind.low, kind.high, to, kind.slope), x.stride()
        else:
            beyond = kind.beyond(x)
            y, to, bits, ctx.stride = x, None, packed(beyond), beyond.stride()
        ctx.save_for_backward(bits)
        if to is not None:
            return y
        return x.copy_(kind.function(x)) if in_place else kind.function(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (bits,) = ctx.saved_tensors
        if compiled.masks(grad) and grad.stride() == ctx.stride and not torch.is_grad_enabled():
            return compiled.masked(grad, bits, ctx.slope), None, None
        beyond = unpacked(bits, ctx.shape, ctx.stride)
        return torch.where(beyond, grad * ctx.slope if ctx.slope else 0.0, grad), None, None


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
