"""Pooling that holds a byte for each output, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.kernels.cpu import Window
from passband.memory.recipe import Recipes, derived, pulled_back


def fits(window: Window, space: Sequence[int]) -> bool:
    """Whether a place in the window fits into a byte, and no window is wider than the map.

    Nor does one fit about which PyTorch has something to say, or that may have no sample in the
    map.
    """
    (height, width), strides, padding, dilation, _ = window
    valid = min(height, width, *strides, *dilation) > 0 and all(
        0 <= 2 * p <= k for p, k in zip(padding, (height, width), strict=True)
    )
    if not valid or min(_size(space, window)) < 1:
        return False
    if any(p and d > n for p, d, n in zip(padding, dilation, space[-2:], strict=True)):
        return False
    return height * width <= 256 and (width - 1) * dilation[1] < dilation[0] * space[-1]


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
        ctx.shape, ctx.window = x.shape, window
        if compiled.pools(x):
            y, place = compiled.pool(x, _size(x.shape[2:], window), window)
            ctx.save_for_backward(place)
            return y
        y, indices = torch.ops.aten.max_pool2d_with_indices(x, *window)
        beyond = indices - _starts(x.shape, y.shape, window, x.device)
        # Not by division, which takes a processor longer than all else here.
        steps = _steps(x.shape, window, x.device)[1:]
        place = torch.bucketize(beyond.contiguous(), steps, right=True)
        ctx.save_for_backward(place.to(torch.uint8))
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (place,) = ctx.saved_tensors
        if compiled.pools(grad):
            return compiled.pool_back(grad, place, ctx.shape[2:], ctx.window), None
        steps = _steps(ctx.shape, ctx.window, grad.device)
        indices = _starts(ctx.shape, place.shape, ctx.window, grad.device) + steps[place.int()]
        flat = grad.new_zeros(*ctx.shape[:-2], ctx.shape[-2] * ctx.shape[-1])
        parts = grad.reshape(*grad.shape[:-2], -1)
        back: Tensor = flat.scatter_add(-1, indices.flatten(-2), parts).view(ctx.shape)
        return back, None


def _size(space: Sequence[int], window: Window) -> tuple[int, int]:
    """Rows and columns of the result."""

    def along(n: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
        beyond = n + 2 * padding - dilation * (kernel - 1) - 1
        size = (beyond + (stride - 1 if window[4] else 0)) // stride + 1
        # No window begins behind the map and its padding before it.
        return size - (window[4] and (size - 1) * stride >= n + padding)

    rows, columns = zip(*window[:4], strict=True)
    return along(space[-2], *rows), along(space[-1], *columns)


def _starts(
    shape: Sequence[int], out: Sequence[int], window: Window, device: torch.device
) -> Tensor:
    """Where each output's window begins in the flattened map."""
    _, stride, padding, _, _ = window
    rows, columns = (
        torch.arange(n, device=device) * s - p
        for n, s, p in zip(out[-2:], stride, padding, strict=True)
    )
    return rows[:, None] * shape[-1] + columns


def _steps(shape: Sequence[int], window: Window, device: torch.device) -> Tensor:
    """How far in the flattened map the samples of a window lie from where it begins; ascending."""
    (height, width), (of_row, of_column) = window[0], window[3]
    rows = torch.arange(height, device=device) * of_row * shape[-1]
    return (rows[:, None] + torch.arange(width, device=device) * of_column).flatten()


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.function, ctx.shape = function, x.shape
        return function(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return pulled_back(ctx.function, [grad.new_zeros(ctx.shape)], grad)[0], None
