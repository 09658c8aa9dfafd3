"""Checks that the builders share."""

from __future__ import annotations

from collections.abc import Sequence


def check_positive(**values: object) -> None:
    """Refuses an argument that is not a positive integer.

    Raises:
        TypeError: it is not an int (a bool is not taken for one).
        ValueError: it is below 1.
    """
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name} must be an int, not {value!r}")
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")


def check_each_positive(name: str, values: object, count: int) -> None:
    """Refuses an argument that is not a sequence of so many positive integers.

    Raises:
        TypeError: it is no sequence, or one of its values is not an int.
        ValueError: it has another length, or one of its values is below 1.
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name} must be {count} ints, not {values!r}")
    if len(values) != count:
        raise ValueError(f"{name} must be {count} ints, not {len(values)}: {values!r}")
    for index, value in enumerate(values):
        check_positive(**{f"{name}[{index}]": value})
