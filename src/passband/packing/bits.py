"""Masks of one bit for each element."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

# Of eight bytes that are 0 or 1, as one integer, the product gathers the bits in its highest byte.
_GATHER = 0x0102040810204080
# A byte in all eight places, of which each then keeps one bit (as a signed integer).
_SPREAD, _OWN = 0x0101010101010101, 0x8040201008040201 - (1 << 64)


def packed(mask: Tensor) -> Tensor:
    """A mask without gaps in memory, as bytes of eight elements in the order of its memory.

    Args:
        mask: of any shape, bool.

    Returns:
        `(ceil(elements / 8),)`, uint8.

    Examples:
        >>> packed(torch.tensor([True, False, False, True]))
        tensor([9], dtype=torch.uint8)
    """
    flat = mask.as_strided((mask.numel(),), (1,)).view(torch.uint8)
    missing = -mask.numel() % 8
    if missing:
        flat = torch.cat([flat, flat.new_zeros(missing)])
    words = flat.view(torch.int64)
    return ((words * _GATHER) >> 56).to(torch.uint8)


def unpacked(bits: Tensor, shape: Sequence[int], stride: Sequence[int]) -> Tensor:
    """The mask of this shape and these strides.

    Examples:
        >>> unpacked(torch.tensor([9], dtype=torch.uint8), (4,), (1,))
        tensor([ True, False, False,  True])
    """
    words = (bits.to(torch.int64) * _SPREAD) & _OWN
    flat = words.view(torch.uint8)[: math.prod(shape)]
    return flat.ne(0).as_strided(shape, stride)
