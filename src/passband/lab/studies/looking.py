"""Studies that train networks at several keeps, and then look at each of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from torch import nn

from passband.lab.checks import check_count
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData
from passband.lab.evaluation import Batch, batches_of_test
from passband.lab.measure import one_process
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.studies.grid import Book, StudyConfig
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True, kw_only=True)
class LookingConfig(StudyConfig):
    """What such a study is told.

    Attributes:
        keep: The keeps that are trained; None is the unconverted model, and is always part.
        seeds: How many seeds, from 0.
        samples: Of the test set, spread over it, that are looked at; None takes all.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    keep: tuple[float | None, ...] = (None, 0.5, 0.25, 0.1)
    seeds: int = 3
    samples: int | None = None

    def __post_init__(self) -> None:
        check_count("seeds", self.seeds)
        if self.samples is not None:
            check_count("samples", self.samples)
        super().__post_init__()
        narrow = [keep for keep in self.keep if keep is not None]
        object.__setattr__(self, "keep", (None, *(keeps_of(narrow) if narrow else ())))

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        return {**super().to_dict(), "keep": ["plain", *self.keep[1:]]}


def check_banded(study: LookingConfig) -> None:
    """Refuses spectral models, which have no band to set.

    Raises:
        ValueError: There is one.
    """
    for base in study.base:
        if base.spectral:
            raise ValueError(
                f"study {study.name} is of bands, and model {base.model!r} is spectral: it has "
                "thresholds, which study specnet-beta is of"
            )


class Found(NamedTuple):
    """One measurement of a trained network.

    Attributes:
        metric: What was measured.
        value: The measurement.
        at: Where, on the axis that the study varies.
        keep_measured: What its layers kept, if that is not what they were trained with.
    """

    metric: str
    value: float
    at: float | None = None
    keep_measured: float | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, and what it is tested on.

    Attributes:
        run: How it was trained.
        model: With the weights of the last epoch, on the run's device, in the mode of tests.
        loaded: Its data.
        batches: Of the test set: those samples that the study looks at, on the device.
        other: The network of another run of the study that is trained by then, on the device, in
            the mode of tests.
    """

    run: TrainConfig
    model: Any
    loaded: LabeledData
    batches: list[Batch]
    other: Callable[[TrainConfig], nn.Module]

    @property
    def inner(self) -> nn.Module:
        """The model as it is without precision and device."""
        inner: nn.Module = self.model.module
        return inner


def look_at_each(
    study: LookingConfig,
    watch: Watch,
    look: Callable[[Trained], Iterable[Found]],
    words: str,
    tasks: Callable[[TrainConfig], Iterable[Task]] | None = None,
) -> list[Row]:
    """Trains every (data, model, seed, keep), and looks at its last weights.

    Args:
        study: What to do.
        watch: Is told of progress.
        look: What is measured of one network. The rows of a network are written together.
        words: What that is, for ``watch``.
        tasks: What is trained for a (data, model, seed); None is ``tasks_of_keeps``.

    Returns:
        The whole table.
    """
    book = Book(study)
    made = tasks or partial(tasks_of_keeps, study)
    placed = [
        replace(task, run=book.directory(task.run, *([task.variant] if task.variant else [])))
        for base in study.base
        for seed in range(study.seeds)
        for task in made(replace(base, seed=seed))
    ]
    for part in book.parts(placed, watch):
        book.train(part)
        if is_first() and not book.has(part.task, "looked"):
            part.measure(words)
            book.add(_rows(study, book, part.task, look))
    return book.rows()


def tasks_of_keeps(study: LookingConfig, run: TrainConfig) -> list[Task]:
    """A network for each keep; a spectral one, which has no convolutions to band-limit, alone."""
    if run.spectral:
        return [Task(run)]
    return [Task(replace(run, keep=keep)) for keep in study.keep]


def _rows(
    study: LookingConfig, book: Book, task: Task, look: Callable[[Trained], Iterable[Found]]
) -> list[Row]:
    run, loaded = task.run, book.data(task.run)
    with quiet():
        fabric = one_process(run)
        batches = batches_of_test(loaded, fabric.device, study.samples)

        def other(run: TrainConfig) -> nn.Module:
            return book.trained(book.directory(run)).eval().to(fabric.device)

        model: Any = fabric.setup_module(book.trained(run).eval())
        found = list(look(Trained(run, model, loaded, batches, other)))
        found.append(Found("looked", float(sum(len(labels) for _, labels in batches))))
    last = task.rows()[-1]
    kept = last.keep_measured
    return [
        replace(last, study=study.name, variant=task.variant or run.variant, epoch=run.epochs,
                metric=one.metric, value=one.value, at=one.at,
                keep_measured=kept if one.keep_measured is None else one.keep_measured)
        for one in found
    ]  # fmt: skip
