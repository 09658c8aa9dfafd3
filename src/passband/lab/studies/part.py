"""How far a study is, run by run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback

from passband.lab import checkpoint
from passband.lab.config import TrainConfig

Watch = Callable[[float, str], None]
"""Told how far the study is (0 to 1) and what it is doing."""


@dataclass(frozen=True)
class Part:
    """One run of a study.

    Attributes:
        run: What it trains.
        watch: Is told of progress.
        start: How far the study is when it begins.
        share: Of the study that it is.
    """

    run: TrainConfig
    watch: Watch
    start: float
    share: float

    @property
    def resumes(self) -> bool:
        """Whether it was begun before."""
        return (Path(self.run.out) / checkpoint.FILE_NAME).exists()

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
        setting = run.variant if run.keep is None else f"keep {run.keep:g}"
        setting = setting if run.beta is None else f"beta {run.beta:g}"
        return f"{run.data} {run.model} {setting} seed {run.seed}"


def parts(runs: Sequence[TrainConfig], watch: Watch) -> Iterator[Part]:
    """The runs of a study one after another; each is announced."""
    for index, run in enumerate(runs):
        part = Part(run, watch, index / len(runs), 1 / len(runs))
        part.begin()
        yield part
    watch(1.0, "done")


class _Epochs(Callback):
    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        part, done = self.part, (trainer.current_epoch + 1) / (trainer.max_epochs or 1)
        part.watch(part.start + part.share * done, part.doing)
