"""What a command found, for a reader and for programs."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from passband.lab.studies.study import Lines


@dataclass(frozen=True)
class Outcome:
    """What a command found.

    Attributes:
        found: For programs: what ``--json`` prints.
        show: For a reader: prints it.
        status: The exit status.
    """

    found: Mapping[str, Any]
    show: Callable[[Console], None]
    status: int = 0

    def json(self) -> str:
        """The text of ``found``. What is no finite number is null there."""
        return json.dumps(_finite(self.found), indent=2, ensure_ascii=False, allow_nan=False)


def table(title: str, lines: Lines) -> dict[str, Any]:
    """A table for programs: its numbers are numbers, and ``mean ± spread`` is two of them.

    Args:
        title: Of the table.
        lines: A line of headings, then the others.

    Example:
        >>> table("t", [("keep", "accuracy"), ("plain", "95.7 ± 0.4"), ("0.5", "")])["rows"]
        [['plain', {'mean': 95.7, 'std': 0.4}], [0.5, None]]
    """
    headings, *body = lines
    rows = [[_value(cell) for cell in line] for line in body]
    return {"title": title, "columns": list(headings), "rows": rows}


def _value(cell: str) -> object:
    mean, between, spread = cell.partition(" ± ")
    numbers = [_number(one) for one in (mean, spread)]
    if between and None not in numbers:
        return dict(zip(("mean", "std"), numbers, strict=True))
    number = _number(cell)
    return (cell or None) if number is None else number


def _number(text: str) -> float | None:
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
