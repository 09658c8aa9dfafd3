"""What backward holds of a spectrum: less than its values, and how to have them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Held:
    """Tensors that are held, and the values that follow from them.

    Every function that needs the values saves these tensors, so a storage is held once however many
    do. A function of values that are not held themselves (a norm after a convolution) says how they
    follow from what the function before it holds.

    Attributes:
        tensors: what is held.
        restore: the values, from those tensors; it has no tensor of its own, or that would be held
            where nobody sees it.
    """

    tensors: tuple[Tensor, ...]
    restore: Callable[..., Tensor]


def itself(values: Tensor) -> Held:
    """The values as they are."""
    return Held((values,), _same)


def once(make: Callable[[], Held]) -> Callable[[], Held]:
    """What is made when it is first asked for, and is then the same for everybody."""
    return cache(make)


def _same(values: Tensor) -> Tensor:
    return values
