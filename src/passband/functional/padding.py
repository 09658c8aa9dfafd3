"""Padding modes other than zeros, by copies alone, so that autograd holds nothing for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

PaddingMode = Literal["zeros", "circular", "reflect", "replicate"]
PADDING_MODES: tuple[str, ...] = get_args(PaddingMode)


def pad(x: Tensor, padding: Sequence[tuple[int, int]], mode: PaddingMode) -> Tensor:
    """`F.pad` over the last axes, its values and its errors, but nothing held for backward.

    Args:
        x: `(N, C, *space)`.
        padding: samples before and after, for each space axis.
        mode: `"reflect"` or `"replicate"`.

    Raises:
        RuntimeError: as `F.pad` does, for instance a reflection longer than the map.
    """
    on_no_data = torch.empty_like(x, device="meta")
    F.pad(on_no_data, [amount for pair in reversed(padding) for amount in pair], mode)
    for dim, (before, after) in enumerate(padding, start=x.dim() - len(padding)):
        n = x.shape[dim]
        if mode == "reflect":
            left = x.narrow(dim, 1, before).flip(dim)
            right = x.narrow(dim, n - 1 - after, after).flip(dim)
        else:
            left = x.narrow(dim, 0, 1).expand(_resized(x, dim, before))
            right = x.narrow(dim, n - 1, 1).expand(_resized(x, dim, after))
        if before or after:
            x = torch.cat([left, x, right], dim)
    return x


def _resized(x: Tensor, dim: int, size: int) -> list[int]:
    return [size if d == dim else n for d, n in enumerate(x.shape)]
