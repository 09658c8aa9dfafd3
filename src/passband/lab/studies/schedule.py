"""The study ``schedule``: a band that grows or shrinks in training, against one that stays."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from passband.lab.checks import check_count, check_keep
from passband.lab.config import TrainConfig
from passband.lab.results import Row
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.learning import Keeping
from passband.lab.studies.schedule_shown import schedule_figures, schedule_notes, schedule_tables
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig(StudyConfig):
    """The study.

    Attributes:
        keep: Where bands end. Each is trained as it is, and from each other start. None, the
            unconverted model, is always part.
        start: Where bands begin.
        seeds: How many seeds, from 0.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "schedule"
    keep: tuple[float | None, ...] = (None, 0.5, 0.1)
    start: tuple[float, ...] = (0.1, 1.0)
    seeds: int = 2

    def __post_init__(self) -> None:
        for keep in self.start:
            check_keep(keep, "start")
        if not self.start:
            raise ValueError("start is at least one keep; got none")
        check_count("seeds", self.seeds)
        super().__post_init__()
        object.__setattr__(self, "keep", (None, *keeps_of(self.keep)))
        object.__setattr__(self, "start", tuple(dict.fromkeys(map(float, self.start))))
        for base in self.base:
            if base.epochs < 2:  # the band arrives with the second half
                raise ValueError(f"a band moves over at least 2 epochs; got {base.epochs}")

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        return {**super().to_dict(), "keep": ["plain", *self.keep[1:]]}


@alone
def schedule(study: ScheduleConfig, watch: Watch) -> list[Row]:
    """Trains the plain network, each fixed band, and each band that moves, and looks every epoch.

    The variant of a row is ``plain``, ``band`` (fixed), ``grow`` or ``shrink``; ``keep`` is where
    the band ends and ``at`` where it began. Rows of each epoch, 0 being the initial weights:
    ``test_accuracy`` and ``keep_measured`` of the band that the epoch had.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    tasks = [
        Task(book.directory(run), at=run.keep_start, probes=(Keeping,))
        for base in study.base
        for seed in range(study.seeds)
        for run in _trainings(study, replace(base, seed=seed))
    ]
    for part in book.parts(tasks, watch):
        book.train(part)
    return book.rows()


def _trainings(study: ScheduleConfig, base: TrainConfig) -> list[TrainConfig]:
    """Those of a seed: plain, then each final keep, fixed and from every other start."""
    return [
        base,
        *(
            replace(base, keep=keep, keep_start=start)
            for keep in study.keep
            if keep is not None
            for start in (None, *study.start)
            if start != keep
        ),
    ]


SCHEDULE = Study(
    what="bands that grow or shrink in training, against fixed ones",
    title="Bands that move while a network learns",
    config=ScheduleConfig,
    run=schedule,
    tables=schedule_tables,
    figures=schedule_figures,
    notes=schedule_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
