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
        mode: `"circular"`, `"reflect"` or `"replicate"`.

    Raises:
        RuntimeError: as `F.pad` does, for instance a reflection longer than the map.
    """
    F.pad(
        torch.empty_like(x, device="meta"), flat(padding), mode
    )  # PyTorch's own checks, on no data
    for dim, (before, after) in enumerate(padding, start=x.dim() - len(padding)):
        n = x.shape[dim]
        if mode == "reflect":
            left = x.narrow(dim, 1, before).flip(dim)
            right = x.narrow(dim, n - 1 - after, after).flip(dim)
        elif mode == "replicate":
            left = x.narrow(dim, 0, 1).expand(_resized(x, dim, before))
            right = x.narrow(dim, n - 1, 1).expand(_resized(x, dim, after))
        else:
            left, right = x.narrow(dim, n - before, before), x.narrow(dim, 0, after)
        if before or after:
            x = torch.cat([left, x, right], dim)
    return x


def flat(padding: Sequence[tuple[int, int]]) -> list[int]:
    """Padding in the order of `F.pad`: last axis first."""
    return [amount for pair in reversed(padding) for amount in pair]


def _resized(x: Tensor, dim: int, size: int) -> list[int]:
    return [size if d == dim else n for d, n in enumerate(x.shape)]
