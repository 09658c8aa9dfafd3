"""What the laboratory costs over a bare PyTorch loop: the same model, data, batches and optimiser.

    python benchmarks/laboratory.py [--model lenet5] [--data mnist-5k] [--epochs 3] [--repeats 5]

Both train from the same weights on the same batches; the two take turns. What is compared is the
time of an epoch in the middle of a training, so neither starting up nor testing counts.
"""

import argparse
import tempfile
import time
from statistics import median

import lightning as L
import torch
import torch.nn.functional as F

from passband.lab import training
from passband.lab.batches import Batches
from passband.lab.classifier import make_optimizer
from passband.lab.config import TrainConfig
from passband.lab.data import whole


class Clock(L.Callback):
    """Seconds of each epoch, the writing of its checkpoint included."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.marks.append(time.perf_counter())

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.marks.append(time.perf_counter())

    @property
    def epochs(self) -> list[float]:
        return [after - before for before, after in zip(self.marks, self.marks[1:], strict=False)]


def in_the_laboratory(run: TrainConfig) -> list[float]:
    clock = Clock()
    training.train(run, callbacks=[clock], progress_bar=False)
    return clock.epochs


def bare(run: TrainConfig) -> list[float]:
    loaded = training.load(run)
    torch.manual_seed(run.seed)
    model, _ = training.build(run, loaded)
    optimizer = make_optimizer(model, run)
    maps, labels = whole(loaded.train)
    batches = Batches(loaded.train, run.batch_size, seed=run.seed)
    steps = run.epochs * len(batches)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    seconds = []
    for epoch in range(run.epochs):
        batches.set_epoch(epoch)
        start = time.perf_counter()
        for batch in batches:
            loss = F.cross_entropy(model(maps[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    words.add_argument("--model", default="lenet5")
    words.add_argument("--data", default="mnist-5k")
    words.add_argument("--epochs", type=int, default=3)
    words.add_argument("--repeats", type=int, default=5)
    words.add_argument("--limit", type=int)
    options = words.parse_args()
    ratios, ours = [], []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            run = TrainConfig.recommended(
                options.data, options.model, folder, epochs=options.epochs, limit=options.limit,
                accelerator="cpu", schedule="cosine",
            )  # fmt: skip
            mine, its = median(in_the_laboratory(run)), median(bare(run))
        ours.append(mine)
        ratios.append(mine / its)
        print(f"an epoch: laboratory {mine:.3f} s, bare loop {its:.3f} s, ratio {ratios[-1]:.3f}")
    print(
        f"median of {len(ratios)}: {median(ratios):.3f}, "
        f"from {min(ratios):.3f} to {max(ratios):.3f}"
    )


if __name__ == "__main__":
    main()
