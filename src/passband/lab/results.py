"""The tidy table of a run directory: one row per measurement."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from passband.lab import tidy

FILE_NAME = "results.csv"


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        study: The study that asked for it; ``train`` for a single run.
        data: Name of the data set.
        model: Name of the model.
        variant: ``plain`` (the unconverted model), ``band``, ``spec`` (a spectral network), or what
            else the study compares.
        seed: The run's seed.
        epoch: Epochs trained when it was taken; None if it does not depend on training.
        keep: The requested keep; None for plain.
        keep_measured: What the converted layers really keep; None for plain.
        metric: What was measured.
        value: The measurement.
        beta: The threshold of a spectral network; None for any other, or if it has its own.
        at: Where on the axis that the study varies beside these: what that is, the study says.
    """

    study: str
    data: str
    model: str
    variant: str
    seed: int
    epoch: int | None
    keep: float | None
    keep_measured: float | None
    metric: str
    value: float
    beta: float | None = None
    at: float | None = None


@dataclass(frozen=True)
class Summary:
    """A metric over the seeds of one setting, each seed counted at its last epoch.

    Attributes:
        std: Sample standard deviation; None for a single seed.
        n: How many seeds.
    """

    data: str
    model: str
    variant: str
    keep: float | None
    keep_measured: float | None
    metric: str
    mean: float
    std: float | None
    n: int
    beta: float | None = None
    at: float | None = None


def read(path: Path) -> list[Row]:
    """Reads a table.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is damaged; the message names the file and the line.
    """
    return tidy.read(path, Row)


def write(path: Path, rows: Iterable[Row]) -> None:
    """Writes a whole table in one step."""
    tidy.write(path, Row, rows)


def append(path: Path, rows: Sequence[Row]) -> None:
    """Adds rows at the end, all of them or none, and creates the table if there is none.

    Raises:
        ValueError: The table is damaged; it stays as it is.
    """
    # Tables have hundreds of rows: writing all of them again is what makes the step atomic.
    write(path, [*(read(path) if path.exists() else ()), *rows])


def summarise(rows: Iterable[Row]) -> list[Summary]:
    """Mean, spread and count over seeds for each setting and metric, in order of appearance."""
    last: dict[tuple[object, ...], dict[int, Row]] = defaultdict(dict)
    for row in rows:
        setting = (row.data, row.model, row.variant, row.keep, row.beta, row.at, row.metric)
        before = last[setting].get(row.seed)
        if before is None or (row.epoch or 0) >= (before.epoch or 0):
            last[setting][row.seed] = row
    summaries = []
    for seeds in last.values():
        row = next(iter(seeds.values()))
        values = [one.value for one in seeds.values()]
        spread = len(values) > 1 and all(map(math.isfinite, values))
        summaries.append(
            Summary(
                data=row.data,
                model=row.model,
                variant=row.variant,
                keep=row.keep,
                keep_measured=row.keep_measured,
                metric=row.metric,
                mean=math.fsum(values) / len(values),
                std=statistics.stdev(values) if spread else None,
                n=len(values),
                beta=row.beta,
                at=row.at,
            )
        )
    return summaries
