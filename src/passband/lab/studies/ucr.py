"""The study ``ucr``: half a band against the whole on a time series archive.

Figure of Dziedzic et al. (ICML 2019, section 4.4): a dot for each problem of the UCR archive.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from passband.lab import environment
from passband.lab.checks import check_count, check_keep
from passband.lab.config import TrainConfig
from passband.lab.data import load
from passband.lab.data.ucr import BUNDLED, problems
from passband.lab.processes import is_first
from passband.lab.results import Row
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.ucr_shown import ucr_figures, ucr_notes, ucr_tables
from passband.lab.studies.watch import Watch

ALL = "ucr:*"


@dataclass(frozen=True, kw_only=True)
class UcrConfig(StudyConfig):
    """The study.

    Attributes:
        base: One training config per problem and model; data ``ucr:*`` are all problems of its
            root, or without one all that ship.
        keep: What is compared with the plain network.
        energy: And bands by energy, chosen for each batch: the shares that they hold.
        seeds: How many seeds, from 0.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "ucr"
    keep: tuple[float, ...] = (0.5,)
    energy: tuple[float, ...] = ()
    seeds: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "keep", keeps_of(self.keep))
        for share in self.energy:
            check_keep(share, "energy")
        check_count("seeds", self.seeds)
        for base in self.base:
            if base.banded:
                raise ValueError(f"study {self.name} varies keep; got a base with {base.variant}")


@alone
def ucr(study: UcrConfig, watch: Watch) -> list[Row]:
    """Trains the plain network and each keep on every problem, and tests them.

    Problems that cannot be read, of an archive mostly those with series of unequal length, are left
    out, and told of. A study that was stopped continues where it was.

    Args:
        study: What to do. Its directory receives ``results.csv`` and ``runs/``.
        watch: Is told of progress.

    Returns:
        The whole table.

    Raises:
        ValueError: Unknown data or model, no problem that can be used; a damaged table or
            checkpoint.
        FileExistsError: The directory holds another study.
        OSError: The root is no folder; the directory cannot be written.
    """
    left_out: dict[str, str] = {}
    study = replace(study, base=tuple(run for base in study.base for run in _of(base, left_out)))
    for problem, reason in left_out.items():
        watch(0.0, f"left out {problem}: {reason}")
    book = Book(study)
    if left_out and is_first():  # the page tells versions and machine, and this
        out = Path(study.out)
        environment.save(out, **{**environment.load(out), "left out": left_out})
    seeded = [replace(one, seed=seed) for one in study.base for seed in range(study.seeds)]
    for part in book.parts([task for run in seeded for task in _tasks(study, book, run)], watch):
        book.train(part)
    return book.rows()


def _tasks(study: UcrConfig, book: Book, run: TrainConfig) -> Iterator[Task]:
    """What is trained on one problem with one seed."""
    for keep in (None, *study.keep):
        yield Task(book.directory(replace(run, keep=keep)))
    for share in study.energy:
        yield Task(book.directory(replace(run, energy=share)), at=share)


def _of(base: TrainConfig, left_out: dict[str, str]) -> Iterator[TrainConfig]:
    """The runs that stand for a base: itself, or one for each problem of its archive."""
    if base.data != ALL:
        yield base
        return
    for problem in BUNDLED if base.root is None else problems(base.root):
        run = replace(base, data=f"ucr:{problem}")
        try:
            load(run.data, root=run.root)
        except ValueError as error:
            left_out[run.data] = str(error)
        else:
            yield run


UCR = Study(
    what="keep .5 against plain on a folder of time series problems",
    title="Bands on a time series archive",
    config=UcrConfig,
    run=ucr,
    tables=ucr_tables,
    figures=ucr_figures,
    notes=ucr_notes,
    pairs=((ALL, "fcn"),),
    recipe={"epochs": 20},  # a third of the model's own, so that all that ship take minutes
)
