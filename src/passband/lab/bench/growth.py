"""How cost grows with map size, channels, batch and keep: one at a time from a base case."""

from passband.lab.bench.case import Case
from passband.lab.bench.grid import layer

GROUP = "growth"
_SIZE, _CHANNELS, _BATCH, _KEEP = 16, 64, 16, 0.25
_SIZES = (8, 16, 32, 64)
_CHANNEL_COUNTS = (16, 32, 64, 128, 256)
_BATCHES = (1, 4, 16, 64)
_KEEPS = (1.0, 0.75, 0.5, 0.25, 0.1, 0.05)


def growth() -> list[Case]:
    """A 3x3 layer; the base case is part of each of the four curves."""
    return [
        *(_case("size", value, size=value) for value in _SIZES),
        *(_case("channels", value, channels=value) for value in _CHANNEL_COUNTS),
        *(_case("batch", value, batch=value) for value in _BATCHES),
        layer("keep", GROUP, (_BATCH, _CHANNELS, _SIZE, _SIZE), _CHANNELS, 3, keeps=_KEEPS),
    ]


def point(case: str) -> tuple[str, float] | None:
    """The axis that a case lies on and its place there; None for the one where keep varies.

    Example:
        >>> point("channels 32")
        ('channels', 32.0)
    """
    axis, _, value = case.partition(" ")
    return (axis, float(value)) if value else None


def _case(
    axis: str, value: int, *, size: int = _SIZE, channels: int = _CHANNELS, batch: int = _BATCH
) -> Case:
    shape = (batch, channels, size, size)
    return layer(f"{axis} {value}", GROUP, shape, channels, 3, keeps=(_KEEP,))
