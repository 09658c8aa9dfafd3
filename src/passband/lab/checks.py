"""Checks of arguments, in one voice: what a value is, and what was got instead."""

import math
import re
from collections.abc import Sequence

from passband.spelling import meant


def check_count(name: str, value: object, *, least: int = 1, most: float = math.inf) -> None:
    """Refuses what is not a whole number from ``least`` to ``most``.

    Raises:
        TypeError: It is not an int (a bool is not taken for one).
        ValueError: It is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number; got {value!r}")
    if not least <= value <= most:
        limit = "" if most == math.inf else f" and at most {most}"
        raise ValueError(f"{name} is at least {least}{limit}; got {value}")


def check_counts(name: str, values: object, count: int) -> None:
    """Refuses what is not a sequence of so many whole numbers of at least 1.

    Raises:
        TypeError: It is no sequence, or one of its values is not an int.
        ValueError: It has another length, or one of its values is below 1.
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name} is {count} whole numbers; got {values!r}")
    if len(values) != count:
        raise ValueError(f"{name} is {count} whole numbers; got {len(values)}: {values!r}")
    for index, value in enumerate(values):
        check_count(f"{name}[{index}]", value)


def check_positive(name: str, value: object, *, or_zero: bool = False) -> None:
    """Refuses what is not a finite positive number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number; got {value!r}")
    if not math.isfinite(value) or value < 0 or (value == 0 and not or_zero):
        least = "at least" if or_zero else "above"
        raise ValueError(f"{name} is finite and {least} 0; got {value!r}")


def check_text(name: str, value: object) -> None:
    """Refuses what is not a text of at least one letter."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is a non-empty text; got {value!r}")


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuses what is not one of ``allowed``."""
    if value not in allowed:
        raise ValueError(
            f"{name} is one of {', '.join(allowed)}; got {value!r}{meant(value, allowed)}"
        )


def check_keep(keep: object, name: str = "keep") -> None:
    """Refuses a keep that is neither None (plain) nor in (0, 1]."""
    if keep is None:
        return
    if isinstance(keep, bool) or not isinstance(keep, int | float):
        raise TypeError(f"{name} is a number in (0, 1] or None for plain; got {keep!r}")
    if not 0 < keep <= 1:  # also refuses nan
        raise ValueError(f"{name} lies in (0, 1]; got {keep!r}")


def check_density(density: object) -> None:
    """Refuses a density that is neither None (not given) nor in (0, 1]."""
    if density is None:
        return
    if isinstance(density, bool) or not isinstance(density, int | float):
        raise TypeError(f"density is a number in (0, 1] or None; got {density!r}")
    if not 0 < density <= 1:  # also refuses nan
        raise ValueError(f"density lies in (0, 1]; got {density!r}")


def check_share(name: str, value: object) -> None:
    """Refuses what is not a number from 0 to below 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number; got {value!r}")
    if not 0 <= value < 1:  # also refuses nan
        raise ValueError(f"{name} is at least 0 and below 1; got {value!r}")


def check_devices(devices: object) -> None:
    """Refuses what is neither a count (-1: all), nor "auto", nor a list of indices as "0,2"."""
    if (
        isinstance(devices, int)
        and not isinstance(devices, bool)
        and (devices >= 1 or devices == -1)
    ):
        return
    if isinstance(devices, str) and re.fullmatch(r"auto|\d+(,\d+)+", devices):
        return
    raise ValueError(f'devices is a count, "auto" or indices as "0,2"; got {devices!r}')
