"""Smaller forms of a tensor that is needed for backward: recipes from less than the tensor."""

from __future__ import annotations

import random
from functools import partial

import torch
from torch import Tensor

from passband.memory.lowband import Basis, low_band, spread
from passband.memory.recipe import Recipe, Recipes, derived
from passband.packing.codes import Bits, Codes, dequantised, quantised
from passband.transforms.precision import without_autocast


def exact(recipes: Recipes, x: Tensor) -> Recipe:
    """As it is, if it is not computed again."""
    return recipes.wanted(x)


def rounded(recipes: Recipes, x: Tensor) -> Recipe:
    """Rounded to bfloat16, 16 bits for each number."""
    if x.dtype == torch.bfloat16:
        return recipes.wanted(x)
    return derived(partial(_cast, x.dtype), [recipes.itself(x.detach().bfloat16())])


def coded(bits: Bits, chance: random.Random, recipes: Recipes, x: Tensor) -> Recipe:
    """In `bits` for each number, and half a bit for scales.

    Args:
        bits: of a code.
        chance: says how numbers are rounded.
        recipes: of the forward pass.
        x: any shape.
    """
    if not x.numel():
        return recipes.wanted(x)
    laid, _, back = _in_memory(x)
    shape, dtype = laid.shape, laid.dtype
    found = quantised(laid, bits, chance)

    def restored(codes: Tensor, scales: Tensor) -> Tensor:
        out = codes.new_empty(shape, dtype=dtype)
        return dequantised(Codes(codes, scales, found.first), bits, out).permute(back)

    return derived(restored, [recipes.itself(found.codes), recipes.itself(found.scales)])


def banded(bits: Bits, basis: Basis, chance: random.Random, recipes: Recipes, x: Tensor) -> Recipe:
    """The low band of maps in bfloat16, and what differs from it in codes.

    Takes `bits` + 32/64 bits a number, and 16 for each number of the low band, of which there is
    one for eight on each axis.

    Args:
        bits: of a code.
        basis: of the low band.
        chance: says how numbers are rounded.
        recipes: of the forward pass.
        x: maps `(N, C, *space)`; anything else is held as it is.
    """
    known = recipes.of(x)
    if known is not None or not 3 <= x.dim() <= 5 or not x.numel():
        return known or recipes.wanted(x)
    laid, order, back = _in_memory(x)
    axes = sorted(order.index(axis) for axis in range(2, x.dim()))
    lengths, dtype = [laid.shape[axis] for axis in axes], x.dtype
    wide = torch.float32 if dtype == torch.float16 else dtype  # sums of many samples

    def base(low: Tensor) -> Tensor:
        with without_autocast(low.device):
            return spread(low.to(wide), axes, lengths, basis).to(dtype).contiguous()

    with without_autocast(x.device):
        low = low_band(laid.to(wide), axes, basis).bfloat16()
    found = quantised(laid, bits, chance, base(low))

    def restored(low: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
        out = base(low)
        return dequantised(Codes(codes, scales, found.first), bits, out, add=True).permute(back)

    recipe = derived(restored, [recipes.itself(t) for t in (low, found.codes, found.scales)])
    recipes.remember(x, recipe)
    return recipe


def _in_memory(x: Tensor) -> tuple[Tensor, list[int], list[int]]:
    """A tensor with its axes as they lie in memory, which those are, and the way back."""
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    back = [order.index(axis) for axis in range(x.dim())]
    return x.detach().permute(order).contiguous(), order, back


def _cast(dtype: torch.dtype, x: Tensor) -> Tensor:
    return x.to(dtype)
