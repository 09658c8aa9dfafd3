"""The study ``cross``: every trained rate, tested at every rate.

The cross matrix of Dziedzic et al. 2019 (ICML; in the talk, of ResNet-18 on CIFAR-10 and of
DenseNet-121 on CIFAR-100).
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import passband as pb
from passband.lab.checks import check_count, check_keep
from passband.lab.evaluation import accuracy, batches_of_test
from passband.lab.measure import one_process
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.studies.cross_shown import METRIC, cross_figures, cross_notes, cross_tables
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch

TEST_KEEPS = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05)


@dataclass(frozen=True, kw_only=True)
class CrossConfig(StudyConfig):
    """The study.

    Attributes:
        keep: The keeps that are trained; None is the unconverted model, and is always part.
        test_keep: The keeps that each of them is tested at.
        seeds: How many seeds, from 0.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "cross"
    keep: tuple[float | None, ...] = (None, 0.7, 0.5, 0.15)
    test_keep: tuple[float, ...] = TEST_KEEPS
    seeds: int = 2

    def __post_init__(self) -> None:
        for keep in self.test_keep:
            check_keep(keep, "test_keep")
        if not self.test_keep:
            raise ValueError("test_keep is at least one keep; got none")
        check_count("seeds", self.seeds)
        super().__post_init__()
        object.__setattr__(self, "keep", (None, *keeps_of(self.keep)))
        object.__setattr__(self, "test_keep", tuple(dict.fromkeys(map(float, self.test_keep))))

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        return {**super().to_dict(), "keep": ["plain", *self.keep[1:]]}


@alone
def cross(study: CrossConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, keep), and tests its last weights at every test keep.

    Rows ``cross_accuracy``: ``keep`` is what was trained, ``at`` what was tested, and
    ``keep_measured`` what the layers kept in the test. A study that was stopped continues where it
    was when it is called again with the same config.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    tasks = [
        Task(book.directory(replace(base, keep=keep, seed=seed)))
        for base in study.base
        for seed in range(study.seeds)
        for keep in study.keep
    ]
    for part in book.parts(tasks, watch):
        book.train(part)
        first_row = replace(part.task, at=study.test_keep[0])
        if is_first() and not book.has(first_row, METRIC):
            part.measure("at every test keep")
            book.add(_tested(study, book, part.task))
    return book.rows()


def _tested(study: CrossConfig, book: Book, task: Task) -> list[Row]:
    """The rows of one training."""
    run, loaded = task.run, book.data(task.run)
    # Its own keep does not matter: the same weights are tested at each.
    model = book.trained(replace(run, keep=1.0)).eval()
    rows = []
    with quiet():
        fabric = one_process(run)
        placed: Any = fabric.setup_module(model)
        batches = batches_of_test(loaded, fabric.device)
        for keep in study.test_keep:
            pb.set_band_(model, pb.Band(keep=keep, fft_size=run.fft_size))
            kept = pb.report(placed, batches[0][0][:2]).keep_measured
            rows.append(
                Row(study.name, run.data, run.model, run.variant, run.seed, run.epochs, run.keep,
                    kept, METRIC, accuracy(placed, batches), at=keep)
            )  # fmt: skip
    return rows


CROSS = Study(
    what="accuracy of each trained keep at every keep of the test",
    title="Trained at one rate, tested at all",
    config=CrossConfig,
    run=cross,
    tables=cross_tables,
    figures=cross_figures,
    notes=cross_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
