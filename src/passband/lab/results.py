"""The tidy table of a run directory: one row per measurement."""

import csv
import io
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from passband.lab.files import write_atomic

FILE_NAME = "results.csv"


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        study: The study that asked for it; ``train`` for a single run.
        data: Name of the data set.
        model: Name of the model.
        variant: ``plain`` (the unconverted model) or ``band``.
        seed: The run's seed.
        epoch: Epochs trained when it was taken; None if it does not depend on training.
        keep: The requested keep; None for plain.
        keep_measured: What the converted layers really keep; None for plain.
        metric: What was measured.
        value: The measurement.
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


COLUMNS = tuple(field.name for field in fields(Row))


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


def read(path: Path) -> list[Row]:
    """Reads a table.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is damaged; the message names the file and the line.
    """
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    lines = csv.reader(io.StringIO(text, newline=""))
    header = next(lines, [])
    if tuple(header) != COLUMNS:
        raise ValueError(
            f"{path} is damaged: line 1 is {','.join(header)!r}, not {','.join(COLUMNS)!r}"
        )
    if not text.endswith("\n"):  # a cut number would still read as a number
        raise ValueError(f"{path} is damaged: its last line {text.splitlines()[-1]!r} has no end")
    rows = []
    for cells in lines:
        try:
            rows.append(_parse(cells))
        except ValueError as error:
            raise ValueError(
                f"{path} is damaged: line {lines.line_num} is {','.join(cells)!r} ({error})"
            ) from error
    return rows


def write(path: Path, rows: Iterable[Row]) -> None:
    """Writes a whole table in one step."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in astuple(row)] for row in rows)
    write_atomic(path, text.getvalue())


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
        setting = (row.data, row.model, row.variant, row.keep, row.metric)
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
            )
        )
    return summaries


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


def _parse(cells: Sequence[str]) -> Row:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} fields, expected {len(COLUMNS)}")
    study, data, model, variant, seed, epoch, keep, measured, metric, value = cells
    return Row(
        study,
        data,
        model,
        variant,
        int(seed),
        int(epoch) if epoch else None,
        float(keep) if keep else None,
        float(measured) if measured else None,
        metric,
        float(value),
    )
