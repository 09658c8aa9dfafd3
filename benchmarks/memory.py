"""What training is estimated to take and takes, and how it goes with the rough memory policy.

`passband bench memory` measures bytes and steps.

python benchmarks/memory.py estimate [--batch 128] # ResNet-18, estimated and then measured
python benchmarks/memory.py curves [--seeds 8]     # losses on digits and two UCR problems
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from statistics import mean, stdev, variance

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb
from passband.lab.data import load, whole
from passband.lab.data.labeled import LabeledData
from passband.lab.models import create_model
from passband.memory.peak import peak_bytes

Policy = pb.MemoryPolicy
ROWS: list[tuple[str, float | None, Policy | None]] = [
    ("plain", None, None),
    ("band-limited, keep .25", 0.25, None),
    ("exact, keep .5", 0.5, Policy.exact()),
    ("exact, keep .25", 0.25, Policy.exact()),
    ("bf16, keep .25", 0.25, Policy.bf16()),
    ("unchanged forward", None, Policy.unchanged_forward()),
]


def converted(model: nn.Module, keep: float | None, policy: Policy | None) -> nn.Module:
    if keep is not None or policy is not None:
        pb.convert_(model, None if keep is None else pb.Band(keep=keep), memory=policy)
    return model


def estimated_and_measured(batch: int) -> None:
    torch.set_num_threads(2)
    x, y = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))

    def loss(model: nn.Module) -> Tensor:
        return F.cross_entropy(model(x), y)

    def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        loss(model).backward()
        optimizer.step()
        optimizer.zero_grad()

    for name, keep, policy in ROWS:
        model = converted(create_model("resnet18", num_classes=10, in_channels=3), keep, policy)
        found = pb.memory.estimate(model, x[:1], batch_size=batch)
        optimizer = torch.optim.AdamW(model.parameters())
        step(model, optimizer)  # makes what the optimizer remembers
        there = found.parameters + found.buffers + found.optimizer + x.nbytes
        peak = there + peak_bytes(partial(step, model, optimizer), x.device)
        held = pb.memory.saved(partial(loss, model)).total
        print(
            f"{name:24} saved {found.saved / 2**20:.1f}, measured {held / 2**20:.1f}; "
            f"peak {found.peak / 2**20:.1f}, measured {peak / 2**20:.1f} MiB"
        )


def network() -> nn.Sequential:
    def unit(inputs: int, outputs: int) -> list[nn.Module]:
        conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]

    units = [*unit(1, 16), *unit(16, 32), *unit(32, 32), nn.MaxPool2d(2), *unit(32, 64)]
    return nn.Sequential(*units, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


@dataclass(frozen=True)
class Training:
    """What is trained on, how many epochs, and at which rate."""

    data: str
    epochs: int
    rate: float

    def model(self, known: LabeledData) -> nn.Module:
        if len(known.space) == 2:
            return network()
        return create_model("fcn", num_classes=known.num_classes, in_channels=known.in_channels)


TRAININGS = (
    Training("digits", 4, 0.05),
    Training("ucr:ItalyPowerDemand", 20, 0.01),
    Training("ucr:GunPoint", 20, 0.01),
)


def trained(training: Training, seed: int, policy: Policy | None) -> tuple[list[float], float]:
    """Mean training loss of each epoch, and test accuracy."""
    known = load(training.data)
    torch.manual_seed(seed)
    model = converted(training.model(known), None, policy)
    optimizer = torch.optim.SGD(model.parameters(), lr=training.rate, momentum=0.9)
    x, y = whole(known.train)
    losses = []
    for _ in range(training.epochs):
        each = []
        for batch in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            each.append(loss.item())
        losses.append(mean(each))
    model.eval()
    with torch.no_grad():
        x, y = whole(known.test)
        return losses, (model(x).argmax(1) == y).float().mean().item()


def curves(seeds: int) -> None:
    """Losses of plain training and of training with rough gradients, and how far they are apart.

    In standard errors of the difference of two means over seeds: within 2 is seed noise.
    """
    torch.set_num_threads(1)
    for training in TRAININGS:
        found = {}
        for name, policy in (("plain", None), ("unchanged forward", Policy.unchanged_forward())):
            runs = [trained(training, seed, policy) for seed in range(seeds)]
            losses = list(zip(*(losses for losses, _ in runs), strict=True))
            accuracies = [accuracy for _, accuracy in runs]
            found[name] = losses
            print(
                f"{training.data:21} {name:18} loss {mean(losses[-1]):.4f} ± "
                f"{stdev(losses[-1]):.4f}, accuracy {mean(accuracies):.1%} ± "
                f"{stdev(accuracies):.1%}"
            )
        apart = [
            (mean(b) - mean(a)) / ((variance(a) + variance(b)) / seeds) ** 0.5
            for a, b in zip(*found.values(), strict=True)
        ]
        print(f"{training.data:21} apart, each epoch: {' '.join(f'{d:+.1f}' for d in apart)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("estimate", "curves"))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    if options.what == "estimate":
        estimated_and_measured(options.batch)
    else:
        curves(options.seeds)


if __name__ == "__main__":
    main()
