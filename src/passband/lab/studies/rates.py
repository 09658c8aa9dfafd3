"""The study ``rates``: accuracy, saved bytes and step time against keep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import lightning as L

from passband.lab import data, figures, table
from passband.lab.checks import check_count, check_keep
from passband.lab.config import TrainConfig
from passband.lab.figures import Figure
from passband.lab.measure import costs
from passband.lab.notes import of_bands
from passband.lab.processes import is_first
from passband.lab.results import Row
from passband.lab.studies.costs import cost_rows, first_batch
from passband.lab.studies.grid import Book, StudyConfig, setting
from passband.lab.studies.part import Watch, parts
from passband.lab.studies.study import Lines, Study
from passband.lab.training import build

KEEPS = (None, 1.0, 0.75, 0.5, 0.25, 0.1)


@dataclass(frozen=True, kw_only=True)
class RatesConfig(StudyConfig):
    """The study.

    Attributes:
        keep: The keeps; None is the unconverted model, the baseline, and is always part.
        seeds: How many seeds, from 0.
        repeats: Timed steps of each model, seed by seed.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "rates"
    keep: tuple[float | None, ...] = KEEPS
    seeds: int = 2
    repeats: int = 15

    def __post_init__(self) -> None:
        for keep in self.keep:
            check_keep(keep)
        check_count("seeds", self.seeds)
        check_count("repeats", self.repeats)
        super().__post_init__()
        bands = dict.fromkeys(float(keep) for keep in self.keep if keep is not None)
        object.__setattr__(self, "keep", (None, *bands))

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        return {**super().to_dict(), "keep": ["plain", *self.keep[1:]]}


def rates(study: RatesConfig, watch: Watch = lambda done, doing: None) -> list[Row]:
    """Trains every (data, model, seed, keep) and measures what a step costs.

    A study that was stopped continues where it was when it is called again with the same config:
    finished runs are not repeated, an unfinished one goes on from its last epoch.

    Args:
        study: What to do. Its directory receives ``results.csv``, which grows run by run, and
            ``runs/`` with the directory of each.
        watch: Is told of progress.

    Returns:
        The whole table.

    Raises:
        ValueError: Unknown data or model; a damaged table or checkpoint.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written.
    """
    book = Book(study)
    for part in parts(list(_cells(study, book)), watch):
        cell = part.run
        book.train(part)
        # After the last keep of a seed: all models of the seed side by side.
        if cell.keep == study.keep[-1] and not book.has(cell, "saved_bytes"):
            part.measure("bytes and seconds")
            if is_first():
                book.add(_cost_rows(study, cell, book.loaded[cell.data]))
    return book.rows()


def _cells(study: RatesConfig, book: Book) -> Iterator[TrainConfig]:
    for base in study.base:
        for seed in range(study.seeds):
            for keep in study.keep:
                yield book.directory(replace(base, seed=seed, keep=keep))


def _cost_rows(study: RatesConfig, cell: TrainConfig, loaded: data.LabeledData) -> list[Row]:
    """Saved bytes, seconds and the paired ratio to plain, for every keep of the study."""
    L.seed_everything(cell.seed, workers=True, verbose=False)
    runs = {setting(run): run for run in (replace(cell, keep=keep) for keep in study.keep)}
    built = {name: build(run, loaded) for name, run in runs.items()}
    models = {name: model for name, (model, _) in built.items()}
    measured = costs(models, first_batch(cell, loaded), cell, study.repeats)
    kept = {name: keep_measured for name, (_, keep_measured) in built.items()}
    return cost_rows(study.name, runs, measured, kept)


def _tables(rows: Sequence[Row]) -> dict[str, Lines]:
    return {_title(*pair): lines for pair, lines in table.tables(rows).items()}


def _figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    pairs = dict.fromkeys((row.data, row.model) for row in rows)
    return {
        _title(*pair): figures.draw([row for row in rows if (row.data, row.model) == pair])
        for pair in pairs
    }


def _title(data: str, model: str) -> str:
    return f"{model} on {data}"


RATES = Study(
    what="accuracy, bytes held for backward and step time against keep",
    title="Accuracy, memory and time as the band narrows",
    config=RatesConfig,
    run=rates,
    tables=_tables,
    figures=_figures,
    notes=of_bands,
    pairs=(("mnist-5k", "lenet5"),),
)
