"""Smaller forms of a tensor that is needed for backward: recipes from less than the tensor."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.memory.recipe import Recipe, Recipes, derived

BLOCK = 8  # samples of each axis to a mean
GROUP = 64  # elements to a scale
_NOISE = 1 << 16


def exact(recipes: Recipes, x: Tensor) -> Recipe:
    """As it is, if it is not computed again."""
    return recipes.wanted(x)


def rounded(recipes: Recipes, x: Tensor) -> Recipe:
    """Rounded to bfloat16, 16 bits for each element."""
    if x.dtype == torch.bfloat16:
        return recipes.wanted(x)
    return derived(partial(_cast, x.dtype), [recipes.itself(x.detach().bfloat16())])


def low_band(chance: random.Random, recipes: Recipes, x: Tensor) -> Recipe:
    """The means of blocks in bfloat16, and what differs from them in two bits for each element.

    The two bits are rounded at random, so that on average nothing is lost. Takes 2 + 32/64 bits an
    element, and 16 for each block: 2.75 bits in all for maps of 8x8 samples and more.

    Args:
        chance: says how numbers are rounded.
        recipes: of the forward pass.
        x: maps `(N, C, *space)`; anything else is held as it is.
    """
    known = recipes.of(x)
    if known is not None or not 3 <= x.dim() <= 5:
        return known or recipes.wanted(x)
    low = _means(x.detach()).bfloat16()
    rest = x.detach() - _spread(low, x.shape[2:]).to(x.dtype)
    packed = [recipes.itself(t) for t in (low, *quantised(rest, chance))]
    recipe = derived(partial(_restored, x.shape, x.dtype), packed)
    recipes.remember(x, recipe)
    return recipe


def quantised(x: Tensor, chance: random.Random) -> tuple[Tensor, Tensor, Tensor]:
    """Two bits for each element between the least and the greatest of its group.

    Returns:
        Codes, four to a byte; the least number and the step of each group, bfloat16.
    """
    flat = x.flatten()
    flat = F.pad(flat, (0, -flat.numel() % GROUP)).view(-1, GROUP).float()
    least, most = flat.aminmax(dim=1, keepdim=True)
    step = ((most - least) / 3).bfloat16()
    least = least.bfloat16()
    scaled = (flat - least).div_(step.float().clamp_(min=1e-30))
    codes = scaled.add_(_noise(scaled, chance)).floor_().clamp_(0, 3).to(torch.uint8)
    words = codes.view(torch.int32)  # four codes, of which each is moved beside the one before
    bytes_ = (words | words >> 6 | words >> 12 | words >> 18).to(torch.uint8)
    return bytes_.flatten(), least.flatten(), step.flatten()


def dequantised(codes: Tensor, least: Tensor, step: Tensor, count: int) -> Tensor:
    """The numbers that the codes stand for, float32, `(count,)`."""
    words = codes.to(torch.int32)
    words = (words | words << 6 | words << 12 | words << 18) & 0x03030303
    flat = words.view(torch.uint8).view(-1, GROUP).float()
    return flat.mul_(step.float()[:, None]).add_(least.float()[:, None]).flatten()[:count]


def _restored(
    shape: torch.Size, dtype: torch.dtype, low: Tensor, codes: Tensor, least: Tensor, step: Tensor
) -> Tensor:
    rest = dequantised(codes, least, step, math.prod(shape)).view(shape)
    return rest.add_(_spread(low, shape[2:])).to(dtype)


def _cast(dtype: torch.dtype, x: Tensor) -> Tensor:
    return x.to(dtype)


def _means(x: Tensor) -> Tensor:
    """Means of blocks, also of those cut off at the end."""
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[x.dim() - 3]
    block = [min(BLOCK, n) for n in x.shape[2:]]
    return pool(x, block, block, 0, True, False)


def _spread(low: Tensor, space: Sequence[int]) -> Tensor:
    """Each block's mean at all its samples."""
    for axis, n in enumerate(space, 2):
        low = low.repeat_interleave(min(BLOCK, n), axis).narrow(axis, 0, n)
    return low


def _noise(like: Tensor, chance: random.Random) -> Tensor:
    """Numbers from 0 to 1 for rows of `GROUP`: a table, begun anywhere."""
    rows = like.shape[0]
    table = _table(like.device)
    first = chance.randrange(_NOISE // GROUP) * GROUP + chance.randrange(GROUP)
    turned = table.roll(first).view(-1, GROUP)
    return turned.repeat(-(-rows // turned.shape[0]), 1)[:rows]


@lru_cache(maxsize=8)
def _table(device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(_NOISE, generator=generator).to(device)
