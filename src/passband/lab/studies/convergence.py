"""The study ``convergence``: how fast networks learn, by epochs and by seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from passband.lab.batches import Batches
from passband.lab.checks import check_count
from passband.lab.fabric import make_fabric
from passband.lab.measure import costs
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.studies.convergence_shown import (
    convergence_figures,
    convergence_notes,
    convergence_tables,
)
from passband.lab.studies.costs import cost_rows, first_batch
from passband.lab.studies.grid import Book, StudyConfig, alone, setting
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.learning import Learning
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True, kw_only=True)
class ConvergenceConfig(StudyConfig):
    """The study.

    Attributes:
        keep: The keeps; None is the unconverted model, the baseline, and is always part.
        seeds: How many seeds, from 0.
        repeats: Timed steps of each model, seed by seed; 0 times nothing.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "convergence"
    keep: tuple[float | None, ...] = (None, 0.5, 0.25, 0.1)
    seeds: int = 2
    repeats: int = 15

    def __post_init__(self) -> None:
        check_count("seeds", self.seeds)
        check_count("repeats", self.repeats, least=0)
        super().__post_init__()
        object.__setattr__(self, "keep", (None, *keeps_of(self.keep)))

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        return {**super().to_dict(), "keep": ["plain", *self.keep[1:]]}


@alone
def convergence(study: ConvergenceConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, keep), looks after each epoch, and times steps afterwards.

    Rows of each epoch are ``train_loss`` and ``test_accuracy``, which has an epoch 0: the initial
    weights. ``steps`` is how many make an epoch, ``step_seconds`` what one takes and ``step_ratio``
    that over plain's. A study that was stopped continues where it was when it is called again with
    the same config.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    groups = [
        [
            Task(book.directory(replace(base, seed=seed, keep=keep)), probes=(Learning,))
            for keep in study.keep
        ]
        for base in study.base
        for seed in range(study.seeds)
    ]
    for part in book.parts([task for group in groups for task in group], watch):
        book.train(part)
        for group in groups:
            # After the last of a seed: all of them side by side.
            if group[-1] == part.task and is_first() and not book.has(part.task, "steps"):
                part.measure("seconds")
                book.add(_timed(study, book, group))
    return book.rows()


def _timed(study: ConvergenceConfig, book: Book, tasks: Sequence[Task]) -> list[Row]:
    """Steps of an epoch, and seconds of a step, for every training of a seed."""
    plain = tasks[0].run
    loaded = book.data(plain)
    with quiet():
        world = make_fabric(plain).world_size
    batches = Batches(loaded.train, plain.batch_size, world=world, seed=plain.seed)
    kept = {setting(task.run): task.rows()[-1].keep_measured for task in tasks}
    steps = [
        Row(study.name, plain.data, plain.model, task.run.variant, plain.seed, None, task.run.keep,
            kept[setting(task.run)], "steps", float(len(batches)))
        for task in tasks
    ]  # fmt: skip
    if not study.repeats:
        return steps
    named = {setting(task.run): task for task in tasks}
    models = {name: book.trained(task.run) for name, task in named.items()}
    found = costs(models, first_batch(plain, loaded), plain, study.repeats)
    rows = cost_rows(study.name, named, found, kept)
    return steps + [row for row in rows if row.metric != "saved_bytes"]


CONVERGENCE = Study(
    what="training loss and accuracy by epochs and by seconds, at each keep",
    title="How fast networks learn",
    config=ConvergenceConfig,
    run=convergence,
    tables=convergence_tables,
    figures=convergence_figures,
    notes=convergence_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
