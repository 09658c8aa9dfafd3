"""The rows of a study by what was trained."""

from collections.abc import Iterable

from passband.lab.results import Row


def by_pair(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each (data, model), in order of appearance."""
    pairs: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        pairs.setdefault((row.data, row.model), []).append(row)
    return pairs


def pair_title(data: str, model: str) -> str:
    """Of the table of a (data, model)."""
    return f"{model} on {data}"
