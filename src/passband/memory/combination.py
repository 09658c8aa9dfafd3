"""Functions that hold nothing: what they compute is computed again from what they are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from passband.memory.recipe import Recipe, Recipes, Stored, derived


def follow(
    recipes: Recipes, y: Tensor, function: Callable[..., Tensor], given: Sequence[Recipe | None]
) -> None:
    """Remember that `y` is a function of tensors, if there are recipes of them all."""
    known = [recipe for recipe in given if recipe is not None]
    if len(known) == len(given):
        recipes.remember(y, derived(function, known))


def cast(recipes: Recipes, x: Tensor, dtype: torch.dtype) -> Tensor:
    """The map in another dtype."""
    y = x.to(dtype)
    follow(recipes, y, lambda x: x.to(dtype), [recipes.of(x)])
    return y


def concatenated(
    recipes: Recipes, stored: Stored, y: Tensor, maps: Sequence[Tensor], dim: int
) -> None:
    """Remember that `y` is made of these maps, which are held in its place.

    Each is held only once, however many concatenations it is part of; so those that a
    convolution would have to compute again, for each of them, are held as they are.
    """

    def part(x: Tensor) -> Recipe:
        recipe = stored(recipes, x)
        return recipe if not recipe.convolutions else recipes.itself(x)

    def together(*maps: Tensor) -> Tensor:
        return torch.cat(maps, dim)

    recipes.remember(y, derived(together, [part(x) for x in maps]))
