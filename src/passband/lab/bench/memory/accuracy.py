"""What a technique learns in a fixed budget."""

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from passband.lab import checkpoint, data
from passband.lab.bench.memory.config import MemoryConfig
from passband.lab.bench.memory.technique import Technique, apply
from passband.lab.config import TrainConfig
from passband.lab.fabric import make_fabric, seed_everything
from passband.lab.loop import Loop
from passband.lab.quiet import quiet
from passband.lab.training import build


@dataclass(frozen=True)
class Accuracy:
    """The columns of the table of the same names."""

    data: str = ""
    epochs: int = 0
    seeds: int = 0
    accuracy: float | None = None
    spread: float | None = None


class Lessons:
    """Trains by a technique, but not twice where results are the same.

    Args:
        bench: Says on what and how long; without epochs nothing is trained.

    Raises:
        ValueError: There are no such data, or the network is not for them.
    """

    def __init__(self, bench: MemoryConfig) -> None:
        self.bench = bench
        self.known: dict[Technique, Accuracy] = {}
        if bench.epochs:
            self.loaded = data.load(bench.data)
            build(self._run(0, "float32", "."), self.loaded)  # a mismatch is told before training

    def accuracy(self, technique: Technique) -> Accuracy:
        """Mean and spread over the seeds, after the last epoch."""
        if not self.bench.epochs:
            return Accuracy()
        essence = technique.essence
        if essence not in self.known:
            found = [self._trained(essence, seed) for seed in range(self.bench.seeds)]
            self.known[essence] = Accuracy(
                data=self.bench.data,
                epochs=self.bench.epochs,
                seeds=self.bench.seeds,
                accuracy=statistics.fmean(found),
                spread=statistics.stdev(found) if len(found) > 1 else None,
            )
        return self.known[essence]

    def _trained(self, technique: Technique, seed: int) -> float:
        with quiet(), tempfile.TemporaryDirectory() as folder:
            run = self._run(seed, technique.dtype, folder)
            seed_everything(seed)
            model, _ = build(run, self.loaded)
            model, _ = apply(technique, model, data.first(self.loaded.train, 2)[0])
            loop = Loop(make_fabric(run), model, run, self.loaded)
            loop.fit(Path(folder) / checkpoint.FILE_NAME)
            return loop.test()

    def _run(self, seed: int, dtype: str, folder: str) -> TrainConfig:
        """By the model's recipe but for the epochs; its directory keeps nothing."""
        bench = self.bench
        return TrainConfig.recommended(
            bench.data, bench.model, folder, epochs=bench.epochs, seed=seed,
            accelerator=bench.device_type,
            precision="bf16-mixed" if dtype == "bfloat16" else None,
        )  # fmt: skip
