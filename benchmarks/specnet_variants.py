"""Why the spectral networks with `_bn` have no activation beside the threshold, and a maximum.

    python benchmarks/specnet_variants.py [--model spec_densenet_bn] [--epochs 2] [--seeds 1]

Trains one network with other activations, and SpecDenseNet with the mean that ends it in table 1,
beside its plain form, all on MNIST-5k by Adam with one rate, and with one beta.
"""

from __future__ import annotations

import argparse
import statistics

import torch
import torch.nn.functional as F
from torch import nn

import passband as pb
from passband.lab import data, models
from passband.lab.data import whole
from passband.lab.evaluation import accuracy, batches_of_test

ACTIVATIONS = ("identity", "tanh", "softsign", "softshrink")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="spec_densenet_bn")
    parser.add_argument("--beta", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    loaded = data.load("mnist-5k")
    print(f"{options.model}, MNIST-5k, {options.epochs} epochs, beta {options.beta:g}")
    print("variant                      test accuracy %      held ÷ plain")
    plain = models.plain_form(options.model)
    base = measured(plain, loaded, options, {})
    beta = {"beta": options.beta}
    variants = [{"activation": name} for name in ACTIVATIONS]
    if "global_pool" in models.options(options.model):
        variants.append({"activation": "identity", "global_pool": "avg"})
    for given in ({}, *variants):
        found = measured(options.model, loaded, options, beta | given) if given else base
        accuracies, held = found
        spread = f" ± {statistics.stdev(accuracies):.1f}" if len(accuracies) > 1 else ""
        name = ", ".join(map(str, given.values())) or plain
        print(f"{name:28} {statistics.mean(accuracies):8.1f}{spread:7} {held / base[1]:16.3f}")


def measured(
    name: str, loaded: data.LabeledData, options: argparse.Namespace, given: dict[str, object]
) -> tuple[list[float], int]:
    """Test accuracies in per cent, one for each seed, and the bytes held of a batch of 64."""
    runs = [trained(name, loaded, options, given, seed) for seed in range(options.seeds)]
    x, labels = (t[:64] for t in whole(loaded.train))
    model = runs[0][0]
    held = pb.memory.saved(lambda: F.cross_entropy(model(x.clone()), labels)).total
    return [share for _, share in runs], held


def trained(
    name: str, loaded: data.LabeledData, options: argparse.Namespace, given: dict[str, object],
    seed: int,
) -> tuple[nn.Module, float]:  # fmt: skip
    torch.manual_seed(seed)
    if "image_size" in models.options(name):
        given = {**given, "image_size": loaded.space}
    model = models.create_model(
        name, num_classes=loaded.num_classes, in_channels=loaded.in_channels, **given
    )
    x, labels = whole(loaded.train)
    steps = options.epochs * (len(x) // 32)
    optimizer = torch.optim.Adam(model.parameters(), options.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(options.epochs):
        order = torch.randperm(len(x))
        for batch in order[: len(x) // 32 * 32].split(32):
            optimizer.zero_grad()
            F.cross_entropy(model(x[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    found = 100 * accuracy(model.eval(), batches_of_test(loaded))
    return model.train(), found


if __name__ == "__main__":
    main()
