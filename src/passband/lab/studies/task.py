"""One training of a study, as something that can be done anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from passband.lab import checkpoint, results, rundir
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.measurement import MakeProbe
from passband.lab.results import Row
from passband.lab.training import train


@dataclass(frozen=True)
class Task:
    """One training, and how its rows are named.

    Attributes:
        run: What is trained; its directory is its own.
        variant: In the rows; None is the run's.
        at: In the rows.
        probes: What is measured while it trains.
    """

    run: TrainConfig
    variant: str | None = None
    at: float | None = None
    probes: tuple[MakeProbe, ...] = ()

    def named(self, rows: Sequence[Row], study: str) -> list[Row]:
        """Rows of the run as rows of a study."""
        variant = self.variant or self.run.variant
        return [
            replace(row, study=study, variant=variant, beta=self.run.beta, at=self.at)
            for row in rows
        ]

    def done(self) -> bool:
        """Whether its directory has its results."""
        return rundir.holds(Path(self.run.out), self.run.stored())

    def rows(self) -> list[Row]:
        """Its results, from its directory."""
        return results.read(Path(self.run.out) / results.FILE_NAME)


def do(task: Task, callbacks: Sequence[Callback] = ()) -> None:
    """Trains, unless that is done; a training that was stopped goes on from its last epoch."""
    if not task.done():
        begun = (Path(task.run.out) / checkpoint.FILE_NAME).exists()
        train(task.run, resume=begun, probes=task.probes, callbacks=callbacks)
