"""The study ``cross``: every trained rate, tested at every rate.

The cross matrix of Dziedzic et al. 2019 (ICML; in the talk, of ResNet-18 on CIFAR-10 and of
DenseNet-121 on CIFAR-100).
"""

from dataclasses import dataclass
from typing import ClassVar

from passband.lab.results import Row
from passband.lab.studies.at_keeps import accuracy_at_keeps
from passband.lab.studies.cross_shown import METRIC, cross_figures, cross_notes, cross_tables
from passband.lab.studies.grid import alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.looking import LookingConfig, check_banded, look_at_each
from passband.lab.studies.study import Study
from passband.lab.studies.watch import Watch

TEST_KEEPS = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05)


@dataclass(frozen=True, kw_only=True)
class CrossConfig(LookingConfig):
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
        super().__post_init__()
        object.__setattr__(self, "test_keep", keeps_of(self.test_keep, "test_keep"))
        check_banded(self)


@alone
def cross(study: CrossConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, keep), and tests its last weights at every test keep.

    Rows ``cross_accuracy``: ``keep`` is what was trained, ``at`` what was tested, and
    ``keep_measured`` what the layers kept in the test.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    return look_at_each(
        study, watch, lambda trained: accuracy_at_keeps(trained, study.test_keep, METRIC),
        "at every test keep",
    )  # fmt: skip


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
