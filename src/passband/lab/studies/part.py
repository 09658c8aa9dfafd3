"""How far a study is, run by run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.loop import Loop
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True)
class Part:
    """One run of a study.

    Attributes:
        task: What it trains.
        watch: Is told of progress.
        start: How far the study is when it begins.
        share: Of the study that it is.
    """

    task: Task
    watch: Watch
    start: float
    share: float

    @property
    def run(self) -> TrainConfig:
        """What it trains."""
        return self.task.run

    @property
    def epochs(self) -> Callback:
        """Passes the training's progress on."""
        return _Epochs(self)

    def begin(self) -> None:
        """Says what comes."""
        self.watch(self.start, self.doing)

    def measure(self, what: str, of: TrainConfig | None = None) -> None:
        """Says that it is trained, and what comes after; of another run if one is given."""
        run = of or self.run
        self.watch(self.start + self.share, f"{run.data} {run.model} seed {run.seed}: {what}")

    @property
    def doing(self) -> str:
        """The run in words."""
        run = self.run
        variant = self.task.variant or run.variant
        words = [run.data, run.model, *([variant] if variant not in ("band", "spec") else [])]
        for name, value in (("keep", run.keep), ("beta", run.beta), ("", self.task.at)):
            words += [] if value is None else [f"{name} {value:g}".strip()]
        return " ".join([*words, f"seed {run.seed}"])


def parts(tasks: Sequence[Task], watch: Watch) -> Iterator[Part]:
    """The tasks of a study one after another; each is announced.

    Those that are done already count from the start, so that the time left is that of the others.
    """
    waiting = [not task.done() for task in tasks]
    if not any(waiting):  # trained elsewhere: what is left is to measure each
        waiting = [True] * len(tasks)
    share, reached = 1 / len(tasks), waiting.count(False)
    for task, waits in zip(tasks, waiting, strict=True):
        part = Part(task, watch, reached * share, share * waits)
        part.begin()
        yield part
        reached += waits
    watch(1.0, "done")


class _Epochs(Callback):
    def __init__(self, part: Part) -> None:
        self.part = part

    def on_epoch_end(self, loop: Loop) -> None:
        part, done = self.part, loop.epoch / loop.run.epochs
        part.watch(part.start + part.share * done, part.doing)
