"""Functions of maps that hold nothing: what they compute is computed again from theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from passband.memory.recipe import Recipe, Recipes, derived


def summed(recipes: Recipes, y: Tensor, a: Tensor, b: Tensor) -> None:
    """Remember that `y` is the sum of two maps, where both are held or can be computed again."""
    one, other = recipes.of(a), recipes.of(b)
    if one is not None and other is not None:
        recipes.remember(y, derived(torch.add, [one, other]))


def viewed(recipes: Recipes, y: Tensor, x: Tensor, function: Callable[[Tensor], Tensor]) -> None:
    """Remember that `y` shows the elements of `x` in another order."""
    recipe = recipes.of(x)
    if recipe is not None:
        recipes.remember(y, derived(function, [recipe]))


def cast(recipes: Recipes, x: Tensor, dtype: torch.dtype) -> Tensor:
    """The map in another dtype; computed again from the map's recipe, where there is one."""
    recipe = recipes.of(x)
    y = x.to(dtype)
    if recipe is not None:
        recipes.remember(y, derived(lambda x: x.to(dtype), [recipe]))
    return y


def concatenated(recipes: Recipes, y: Tensor, maps: Sequence[Tensor], dim: int) -> None:
    """Remember that `y` is made of these maps, which are held in its place.

    Each is held only once, however many concatenations it is part of; so those that a
    convolution would have to compute again, for each of them, are held as they are.
    """

    def part(x: Tensor) -> Recipe:
        recipe = recipes.wanted(x)
        return recipe if not recipe.convolutions else recipes.itself(x)

    def together(*maps: Tensor) -> Tensor:
        return torch.cat(maps, dim)

    recipes.remember(y, derived(together, [part(x) for x in maps]))
