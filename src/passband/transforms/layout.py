"""How a map lies in memory: channels first, or channels last."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of `(N, C, *space)` lie innermost in memory (and could not be first)."""
    return not x.is_contiguous() and x.movedim(1, -1).is_contiguous()


def laid_out(x: Tensor, *, last: bool) -> Tensor:
    """The map with its channels innermost (last) or not in memory; copied only where it differs."""
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if last else x.contiguous()


def empty(like: Tensor, shape: Sequence[int], *, last: bool) -> Tensor:
    """Room for maps `(N, C, *space)`, its channels innermost (last) or not in memory."""
    n, c, *space = shape
    return like.new_empty(n, *space, c).movedim(-1, 1) if last else like.new_empty(shape)
