"""How wide a network is: one factor on the channels of all its layers."""

from __future__ import annotations

from passband.lab.checks import check_positive


def scaled(width: float, *channels: int) -> tuple[int, ...]:
    """Channels times `width`, rounded, and at least one each.

    Raises:
        TypeError, ValueError: `width` is no finite number above 0.

    Example:
        >>> scaled(0.5, 6, 16, 120)
        (3, 8, 60)
    """
    check_positive("width", width)
    return tuple(max(1, round(width * count)) for count in channels)
