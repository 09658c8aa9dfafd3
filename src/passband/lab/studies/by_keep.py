"""Numbers of a study with a column for each keep."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from passband.lab.results import Row, Summary, summarise
from passband.lab.table import cell

Keep = float | None

POINT = 0.01  # what is nearer to plain than this is told as neither better nor worse


def keeps(rows: Iterable[Row]) -> list[Keep]:
    """The keeps, in order of appearance."""
    return list(dict.fromkeys(row.keep for row in rows))


def heading(keep: Keep) -> str:
    """Of a column."""
    return "plain" if keep is None else f"keep {keep:g}"


def cells(rows: Sequence[Row], of: Sequence[Keep], digits: int = 1) -> tuple[str, ...]:
    """Percent of one measurement, mean and spread over seeds, for each keep."""
    found = _summaries(rows)
    return tuple(cell(found.get(keep), 100, digits) for keep in of)


def means(rows: Sequence[Row]) -> dict[Keep, float]:
    """Mean over seeds for each keep."""
    return {keep: one.mean for keep, one in _summaries(rows).items()}


def pooled(rows: Iterable[Row]) -> list[Row]:
    """One row for each keep and seed: the mean of its rows, of whatever they are."""
    mine: dict[tuple[Keep, int], list[Row]] = {}
    for row in rows:
        mine.setdefault((row.keep, row.seed), []).append(row)
    return [
        replace(some[0], metric="mean", at=None, value=fmean(row.value for row in some))
        for some in mine.values()
    ]


def points(rows: Iterable[Row]) -> Iterator[tuple[str, float, float]]:
    """Those of ``accuracy_curves`` over ``at``."""
    return ((heading(row.keep), row.at or 0.0, row.value) for row in rows)


def _summaries(rows: Sequence[Row]) -> dict[Keep, Summary]:
    return {one.keep: one for one in summarise(rows)}
