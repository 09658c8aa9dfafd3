"""Activations that hold one bit for each element."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.memory.recipe import Recipes, derived
from passband.packing.bits import packed, unpacked

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
    bits = x.new_empty(-(-x.numel() // 8), dtype=torch.uint8)
    stride = torch.empty_like(x, device="meta").stride()
    y: Tensor = _Piecewise.apply(x, bits, stride, kind, in_place)  # type: ignore[no-untyped-call]
    if recipe is not None and kind.bends_at_zero:
        again = partial(_bent, stride, kind.slope)
        recipes.remember(y, derived(again, [recipe, recipes.itself(bits)]))
    elif recipe is not None:
        recipes.remember(y, derived(kind.function, [recipe]))
    return y


def _bent(stride: tuple[int, ...], slope: float, x: Tensor, bits: Tensor) -> Tensor:
    """A tensor, times the slope where a bit is set: the activation, and its gradient."""
    if compiled.masks(x) and x.stride() == stride and not torch.is_grad_enabled():
        return compiled.masked(x, bits, slope)
    beyond = unpacked(bits, x.shape, stride)
    return torch.where(beyond, x * slope if slope else 0.0, x)


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

    scale = torch.ones((), dtype=x.dtype, device="cpu").div_(1 - p).item()  # as rounded there

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
    def forward(
        ctx: Any, x: Tensor, bits: Tensor, stride: tuple[int, ...], kind: Piecewise, in_place: bool
    ) -> Tensor:
        ctx.slope, ctx.stride = kind.slope, stride
        if in_place:
            ctx.mark_dirty(x)
        to = None
        if compiled.masks(x):
            y = x if in_place else torch.empty_like(x)
            to = y if kind.bends_at_zero else None
            compiled.mask(x, bits, kind.low, kind.high, to, kind.slope)
        else:
            bits.copy_(packed(kind.beyond(x)))
        ctx.save_for_backward(bits)
        if to is not None:
            return y
        return x.copy_(kind.function(x)) if in_place else kind.function(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _bent(ctx.stride, ctx.slope, grad, *ctx.saved_tensors), None, None, None, None
