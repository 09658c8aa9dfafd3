"""Functions whose gradients are computed from tensors that are themselves computed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from passband.memory.recipe import Recipe, Recipes, Stored, derived, held, hold, pulled_back


def recomputed(
    recipes: Recipes,
    stored: Stored,
    function: Callable[..., Tensor],
    x: Tensor,
    *others: Tensor,
    in_place: bool = False,
) -> Tensor:
    """A function of tensors that holds what these are computed from.

    Args:
        recipes: of the forward pass.
        stored: how `x` is held.
        function: of all the tensors.
        x: any shape.
        others: held as they are, if they are not computed again.
        in_place: whether the result is written to `x`.
    """
    recipe = stored(recipes, x)
    if in_place and any(_shares(start.tensor, x) for start in recipe.start.values()):
        # What it is computed from would be overwritten.
        recipe = stored(recipes, x.detach().clone())
    known = [recipe, *map(recipes.wanted, others)]
    y: Tensor = _Recomputed.apply(function, known, in_place, x, *others)  # type: ignore[no-untyped-call]
    recipes.remember(y, derived(function, known))
    return y


def _shares(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors lie in the same memory."""
    same: bool = a.untyped_storage()._cdata == b.untyped_storage()._cdata
    return same


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        function: Callable[..., Tensor],
        known: Sequence[Recipe],
        in_place: bool,
        *tensors: Tensor,
    ) -> Tensor:
        ctx.function = function
        hold(ctx, known)
        if not in_place:
            return function(*tensors)
        (x,) = tensors
        ctx.mark_dirty(x)
        return x.copy_(function(x))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        values, _ = held(ctx)
        return None, None, None, *pulled_back(ctx.function, values, grad)
