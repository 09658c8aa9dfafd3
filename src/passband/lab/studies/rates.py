"""The study ``rates``: accuracy, saved bytes and step time against keep."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from passband.lab import figures, table
from passband.lab.checks import check_count, check_keep
from passband.lab.config import TrainConfig
from passband.lab.figures import Figure
from passband.lab.measure import costs
from passband.lab.notes import of_bands
from passband.lab.processes import is_first
from passband.lab.results import Row
from passband.lab.studies.costs import cost_rows, first_batch
from passband.lab.studies.grid import Book, StudyConfig, alone, setting
from passband.lab.studies.study import Lines, Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch

KEEPS = (None, 1.0, 0.75, 0.5, 0.25, 0.1)


@dataclass(frozen=True, kw_only=True)
class RatesConfig(StudyConfig):
    """The study.

    Attributes:
        keep: The keeps; None is the unconverted model, the baseline, and is always part.
        energy: Shares of energy that bands hold, chosen for each batch, beside the keeps.
        seeds: How many seeds, from 0.
        repeats: Timed steps of each model, seed by seed; 0 times nothing.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "rates"
    takes_memory: ClassVar = True
    keep: tuple[float | None, ...] = KEEPS
    energy: tuple[float, ...] = ()
    seeds: int = 2
    repeats: int = 15

    def __post_init__(self) -> None:
        for keep in self.keep:
            check_keep(keep)
        for energy in self.energy:
            check_keep(energy, "energy")
        check_count("seeds", self.seeds)
        check_count("repeats", self.repeats, least=0)
        super().__post_init__()
        bands = dict.fromkeys(float(keep) for keep in self.keep if keep is not None)
        object.__setattr__(self, "keep", (None, *bands))
        object.__setattr__(self, "energy", tuple(dict.fromkeys(map(float, self.energy))))

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        return {**super().to_dict(), "keep": ["plain", *self.keep[1:]]}


@alone
def rates(study: RatesConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, band) and measures what a step costs.

    A study that was stopped continues where it was when it is called again with the same config:
    finished runs are not repeated, an unfinished one goes on from its last epoch. In rows of bands
    by energy, ``at`` is the share of energy that they hold.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    groups = [_of_seed(study, book, replace(base, seed=seed))
              for base in study.base for seed in range(study.seeds)]  # fmt: skip
    for part in book.parts([task for group in groups for task in group], watch):
        book.train(part)
        for group in groups:
            # After the last of a seed: all of them side by side.
            if group[-1] == part.task and not book.has(part.task, "saved_bytes"):
                part.measure("bytes and seconds")
                if is_first():
                    book.add(_costs(study, book, group))
    return book.rows()


def _of_seed(study: RatesConfig, book: Book, run: TrainConfig) -> list[Task]:
    """The trainings of a seed, the plain one first; with a policy, that without a band, too."""
    policy = run.memory
    return [
        Task(book.directory(replace(run, memory=None))),
        *([] if policy is None else [Task(book.directory(run, policy), f"{policy}, no band")]),
        *(Task(book.directory(replace(run, keep=keep))) for keep in study.keep[1:]),
        *(Task(book.directory(replace(run, energy=share)), at=share) for share in study.energy),
    ]


def _costs(study: RatesConfig, book: Book, tasks: Sequence[Task]) -> list[Row]:
    """Saved bytes, seconds and the paired ratio to plain, for every training of a seed."""
    plain = tasks[0].run
    named = {task.variant or setting(task.run): task for task in tasks}
    models = {name: book.trained(task.run) for name, task in named.items()}
    found = costs(models, first_batch(plain, book.data(plain)), plain, study.repeats)
    kept = {name: task.rows()[-1].keep_measured for name, task in named.items()}
    return cost_rows(study.name, named, found, kept)


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
