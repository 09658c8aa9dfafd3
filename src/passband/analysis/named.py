"""What an analysis found of each layer, by the layer's name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Named(Protocol):
    """Of one layer."""

    @property
    def name(self) -> str:
        """Of the layer in its model."""


N = TypeVar("N", bound=Named)


def of_name(layers: Iterable[N], name: str, what: str) -> N:
    """The first of that name.

    Args:
        layers: what was found.
        name: of a layer.
        what: was found, in words.

    Raises:
        KeyError: there is none; the message has the names.
    """
    layers = tuple(layers)
    for layer in layers:
        if layer.name == name:
            return layer
    raise KeyError(f"no {what} of {name!r}; there are {[layer.name for layer in layers]}")
