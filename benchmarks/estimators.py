"""BandFCNClassifier beside the laboratory's FCN: the same seeds, accuracy on UCR problems.

    OMP_NUM_THREADS=1 python benchmarks/estimators.py

Trains each problem plain and at keep 0.5 with each seed twice, once as `passband train` does and
once as an estimator, and says of how many pairs the trained weights are the same to the bit.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory

import torch

from passband.estimators import BandFCNClassifier
from passband.lab import data
from passband.lab.checkpoint import FILE_NAME
from passband.lab.config import TrainConfig
from passband.lab.training import train

PROBLEMS = ("ItalyPowerDemand", "GunPoint", "ArrowHead")


def pair(problem: str, keep: float | None, seed: int) -> tuple[float, float, bool]:
    """Accuracy of the laboratory and of the estimator, in percent, and whether weights agree."""
    with TemporaryDirectory() as out:
        run = TrainConfig.recommended(
            f"ucr:{problem}", "fcn", out, keep=keep, seed=seed, accelerator="cpu"
        )
        theirs = train(run).test_accuracy
        weights = torch.load(Path(out, FILE_NAME), weights_only=True)["model"]
    loaded = data.load(run.data)
    (X, y), tests = (map(torch.Tensor.numpy, data.whole(p)) for p in (loaded.train, loaded.test))
    estimator = BandFCNClassifier(keep=keep, random_state=seed).fit(X, y)
    found = estimator.networks_[0].state_dict()
    same = all(torch.equal(one, found[name]) for name, one in weights.items())
    return 100 * theirs, 100 * estimator.score(*tests), same


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", nargs="+", default=PROBLEMS)
    parser.add_argument("--seeds", type=int, default=3)
    told = parser.parse_args()
    print("| problem | keep | laboratory | estimator | same weights |\n|---|---|---|---|---|")
    for problem in told.problems:
        for keep in (None, 0.5):
            pairs = [pair(problem, keep, seed) for seed in range(told.seeds)]
            theirs, ours, same = zip(*pairs, strict=True)
            shown = "plain" if keep is None else keep
            print(
                f"| {problem} | {shown} | {spread(theirs)} | {spread(ours)} "
                f"| {sum(same)} of {len(same)} |",
                flush=True,
            )


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation."""
    return f"{mean(values):.1f} ± {stdev(values) if len(values) > 1 else 0:.1f}"


if __name__ == "__main__":
    main()
