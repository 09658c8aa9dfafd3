"""The study ``knob``: one trained network at many bands, its accuracy and its latency."""

import itertools
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

import passband as pb
from passband.lab.bench.timing import interleaved
from passband.lab.checks import check_count, check_keep
from passband.lab.config import TrainConfig
from passband.lab.results import Row
from passband.lab.studies.at_keeps import accuracy_at_keeps, converted
from passband.lab.studies.grid import alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.knob_shown import METRIC, knob_figures, knob_notes, knob_tables
from passband.lab.studies.looking import Found, LookingConfig, Trained, check_banded, look_at_each
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch

TEST_KEEPS = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05)


@dataclass(frozen=True, kw_only=True)
class KnobConfig(LookingConfig):
    """The study.

    Attributes:
        keep: Keeps that are trained one by one, to compare with; plain is always part.
        least: Least keep of the network that is trained at a random one in each step.
        test_keep: The positions of the knob.
        repeats: Rounds in which the forward pass is timed at each, once for each (data, model).

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "knob"
    keep: tuple[float | None, ...] = (None, 0.25)
    least: float = 0.05
    test_keep: tuple[float, ...] = TEST_KEEPS
    seeds: int = 2
    repeats: int = 15

    def __post_init__(self) -> None:
        super().__post_init__()
        check_keep(self.least, "least")
        check_count("repeats", self.repeats)
        object.__setattr__(self, "test_keep", keeps_of(self.test_keep, "test_keep"))
        check_banded(self)


@alone
def knob(study: KnobConfig, watch: Watch) -> list[Row]:
    """Trains plain, at each keep, and at random keeps; tests all at each position of the knob.

    Rows ``knob_accuracy``: ``at`` is the position. Of the network of random keeps and the first
    seed, whose forward pass costs what that of the others does, also ``forward_seconds``,
    ``forward_ratio`` (to that of ``nn.Conv``) and ``turn_seconds`` (of ``set_band_`` itself).

    What it is given, returns and raises, ``DoStudy`` says.
    """

    def tasks(run: TrainConfig) -> Iterator[Task]:
        for keep in study.keep:
            yield Task(replace(run, keep=keep))
        yield Task(replace(run, keep=1.0, keep_least=study.least))

    def tested(trained: Trained) -> Iterator[Found]:
        yield from accuracy_at_keeps(trained, study.test_keep, METRIC)
        if trained.run.keep_least is not None and trained.run.seed == 0:
            yield from _timed(study, trained)

    return look_at_each(study, watch, tested, "at every position of the knob", tasks)


def _timed(study: KnobConfig, trained: Trained) -> Iterator[Found]:
    """Each position is a copy of its own, as a server holds it that has turned the knob."""
    maps = trained.batches[0][0]
    plain = deepcopy(converted(trained))
    pb.revert_(plain)
    networks: dict[str, nn.Module] = {"plain": plain}
    for keep in study.test_keep:
        networks[f"{keep}"] = deepcopy(converted(trained))
        pb.set_band_(networks[f"{keep}"], pb.Band(keep=keep, fft_size=trained.run.fft_size))
    with torch.no_grad():
        runs = {name: partial(_forward, net, maps) for name, net in networks.items()}
        seconds = interleaved(runs, study.repeats, maps.device)
    yield Found("forward_seconds", seconds["plain"].median)
    for keep in study.test_keep:
        found = seconds[f"{keep}"].median
        yield Found("forward_seconds", found, keep)
        yield Found("forward_ratio", found / seconds["plain"].median, keep)
    size = trained.run.fft_size
    bands = itertools.cycle([pb.Band(keep=keep, fft_size=size) for keep in study.test_keep])
    turns = {"turn": lambda: pb.set_band_(converted(trained), next(bands))}
    yield Found("turn_seconds", interleaved(turns, study.repeats, maps.device)["turn"].median)


def _forward(model: nn.Module, maps: Tensor) -> Tensor:
    found: Tensor = model(maps)
    return found


KNOB = Study(
    what="accuracy and latency of one trained network at many bands, and training for it",
    title="One network, many bands",
    config=KnobConfig,
    run=knob,
    tables=knob_tables,
    figures=knob_figures,
    notes=knob_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
