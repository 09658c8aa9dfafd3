"""The Pareto front: what nothing else beats in everything."""

from collections.abc import Sequence
from typing import Literal

from passband.lab.bench.memory.row import Row

Kind = Literal["saved", "peak"]


def best(rows: Sequence[Row], kind: Kind) -> list[bool]:
    """Whether no other row has less of those bytes, faster steps, and higher accuracy."""
    return on_front([(size(row, kind), row.ratio, -(row.accuracy or 0.0)) for row in rows])


def size(row: Row, kind: Kind) -> int:
    """Bytes of that kind."""
    return row.saved_bytes if kind == "saved" else row.peak_bytes


def on_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Whether each point is on the front: less is better on every axis.

    A point is off it if another is at least as good on each axis and better on one.

    Example:
        >>> on_front([(1, 3), (2, 2), (3, 2), (3, 1)])
        [True, True, False, True]
    """
    return [not any(_beats(other, point) for other in points) for point in points]


def _beats(a: Sequence[float], b: Sequence[float]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))
