"""Pooling that holds a byte for each output, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from passband.memory.recipe import Recipes, derived, pulled_back

Pair = tuple[int, int]
Window = tuple[Pair, Pair, Pair, Pair, bool]
"""Kernel, stride, padding, dilation, and whether the end is rounded up."""


def fits(kernel: Pair) -> bool:
    """Whether a place in the window fits into a byte."""
    return kernel[0] * kernel[1] <= 256


def max_pool2d(recipes: Recipes, x: Tensor, window: Window) -> Tensor:
    """`F.max_pool2d`: holds where in its window each maximum lies."""
    recipe = recipes.of(x)
    y: Tensor = _MaxPool.apply(x, window)  # type: ignore[no-untyped-call]
    if recipe is not None:
        recipes.remember(y, derived(lambda x: torch.max_pool2d(x, *window), [recipe]))
    return y


def linear(recipes: Recipes, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """A linear function, for instance a mean: holds nothing.

    Args:
        recipes: of the forward pass.
        x: any shape.
        function: linear.
    """
    recipe = recipes.of(x)
    y: Tensor = _Linear.apply(x, function)  # type: ignore[no-untyped-call]
    if recipe is not None:
        recipes.remember(y, derived(function, [recipe]))
    return y


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, window: Window) -> Tensor:
        y: Tensor
        y, indices = torch.ops.aten.max_pool2d_with_indices(x, *window)
        ctx.shape, ctx.window = x.shape, window
        starts = _starts(x.shape, y.shape, window, x.device)
        (_, width), dilation = window[0], window[3]
        row = (indices // x.shape[-1] - starts[0]) // dilation[0]
        column = (indices % x.shape[-1] - starts[1]) // dilation[1]
        ctx.save_for_backward((row * width + column).to(torch.uint8))
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (place,) = ctx.saved_tensors
        starts = _starts(ctx.shape, place.shape, ctx.window, grad.device)
        (_, width), dilation = ctx.window[0], ctx.window[3]
        place = place.to(torch.int64)
        row = starts[0] + place // width * dilation[0]
        column = starts[1] + place % width * dilation[1]
        flat = grad.new_zeros(*ctx.shape[:-2], ctx.shape[-2] * ctx.shape[-1])
        indices = (row * ctx.shape[-1] + column).reshape(*grad.shape[:-2], -1)
        parts = grad.reshape(*grad.shape[:-2], -1)
        back: Tensor = flat.scatter_add(-1, indices, parts).view(ctx.shape)
        return back, None


def _starts(
    shape: Sequence[int], out: Sequence[int], window: Window,
    device: torch.device,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """First row and column of each output's window."""
    _, stride, padding, _, _ = window
    rows, columns = (
        torch.arange(n, device=device) * s - p
        for n, s, p in zip(out[-2:], stride, padding, strict=True)
    )
    return rows[:, None], columns


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.function, ctx.shape = function, x.shape
        return function(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return pulled_back(ctx.function, [grad.new_zeros(ctx.shape)], grad)[0], None
