"""What the laboratory costs over a bare PyTorch loop: the same model, data, batches and optimiser.

    python benchmarks/laboratory.py [--model lenet5] [--data mnist-5k] [--epochs 21]

An epoch of each takes turns, from the same weights and on the same batches; the laboratory's
includes its checkpoint. The first of each, which warms up, does not count, nor do starting up and
testing.
"""

import argparse
import tempfile
import time
from statistics import median, quantiles

import torch
import torch.nn.functional as F

from passband.lab import training
from passband.lab.batches import Batches
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.data import whole
from passband.lab.loop import Loop
from passband.lab.optimization import make_optimizer


class Bare:
    """The loop as one writes it by hand, an epoch a call; returns its seconds."""

    def __init__(self, run: TrainConfig) -> None:
        loaded = training.load(run)
        torch.manual_seed(run.seed)
        self.model, _ = training.build(run, loaded)
        self.optimizer = make_optimizer(self.model.parameters(), run)
        self.maps, self.labels = whole(loaded.train)
        self.batches = Batches(loaded.train, run.batch_size, seed=run.seed)
        steps = run.epochs * len(self.batches)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)

    def __call__(self, epoch: int) -> float:
        self.batches.set_epoch(epoch)
        start = time.perf_counter()
        for batch in self.batches:
            loss = F.cross_entropy(self.model(self.maps[batch]), self.labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
        return time.perf_counter() - start


class TakingTurns(Callback):
    """Times the laboratory's epochs, and has a bare one run before each."""

    def __init__(self, bare: Bare) -> None:
        self.bare, self.theirs, self.ours = bare, list[float](), list[float]()
        self.began: float | None = None

    def on_epoch_start(self, loop: Loop) -> None:
        if self.began is not None:
            self.ours.append(time.perf_counter() - self.began)
        self.theirs.append(self.bare(loop.epoch))
        self.began = time.perf_counter()


def main() -> None:
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    words.add_argument("--model", default="lenet5")
    words.add_argument("--data", default="mnist-5k")
    words.add_argument("--epochs", type=int, default=21)
    words.add_argument("--limit", type=int)
    options = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = TrainConfig.recommended(
            options.data, options.model, folder, epochs=options.epochs, limit=options.limit,
            accelerator="cpu", schedule="cosine",
        )  # fmt: skip
        turns = TakingTurns(Bare(run))
        training.train(run, callbacks=[turns])
    ours, theirs = turns.ours[1:], turns.theirs[1:-1]
    ratios = [mine / its for mine, its in zip(ours, theirs, strict=True)]
    low, _, high = quantiles(ratios)
    print(
        f"an epoch: laboratory {median(ours):.3f} s, bare loop {median(theirs):.3f} s; ratio "
        f"{median(ratios):.3f}, half of {len(ratios)} from {low:.3f} to {high:.3f}"
    )


if __name__ == "__main__":
    main()
