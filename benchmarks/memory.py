"""What training is estimated to take and takes, and how it goes with the rough memory policy.

`passband bench memory` measures bytes and steps.

python benchmarks/memory.py estimate [--batch 128] # ResNet-18, estimated and then measured
python benchmarks/memory.py digits [--seeds 4]    # a small network, scikit-learn's digits
"""

from __future__ import annotations

import argparse
from functools import partial
from statistics import mean, stdev

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

import passband as pb
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


def trained(x: Tensor, y: Tensor, seed: int, policy: pb.MemoryPolicy | None) -> tuple[float, float]:
    """Mean training loss of the last of four epochs, and test accuracy."""
    torch.manual_seed(seed)
    model = network()
    if policy is not None:
        pb.convert_(model, None, memory=policy)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, 4 * 44)
    losses: list[float] = []
    for _ in range(4):
        for batch in torch.randperm(1400).split(32):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    return mean(losses[-44:]), accuracy


def digits(seeds: int) -> None:
    torch.set_num_threads(1)
    data = load_digits()
    x = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
    y = torch.tensor(data.target)
    rough = pb.MemoryPolicy.unchanged_forward()
    for name, policy in (("plain", None), ("unchanged forward", rough)):
        losses, accuracies = zip(
            *(trained(x, y, seed, policy) for seed in range(seeds)), strict=True
        )
        print(
            f"{name:18} loss {mean(losses):.4f} ± {stdev(losses):.4f}, "
            f"accuracy {mean(accuracies):.1%} ± {stdev(accuracies):.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("estimate", "digits"))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    if options.what == "estimate":
        estimated_and_measured(options.batch)
    else:
        digits(options.seeds)


if __name__ == "__main__":
    main()
