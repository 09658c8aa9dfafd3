"""Bytes in use through one step of training, allocation by allocation."""

from itertools import accumulate

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import nn

import passband as pb
from passband.memory.peak import changes

BLOCKS, CHANNELS, SIZE = 6, 32, 24


def draw() -> Figure:
    """A line for each way to train; x is the share of the step's allocations."""
    figure, axes = plt.subplots(figsize=(5, 3.1))
    exact = pb.MemoryPolicy.exact()
    rows = (
        ("plain", None, None),
        ("converted, keep 0.25", pb.Band(keep=0.25), None),
        ("the same, and an exact policy", pb.Band(keep=0.25), exact),
    )
    for name, band, policy in rows:
        maps = _maps(band, policy)
        axes.plot(np.linspace(0, 1, len(maps)), maps, lw=1.3, label=name)
    axes.set(xlabel="allocations of a step, first to last", ylabel="maps", xticks=[])
    axes.set_ylim(0)
    figure.legend(loc="outside upper center", fontsize=9)
    return figure


def _maps(band: pb.Band | None, policy: pb.MemoryPolicy | None) -> list[float]:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(BLOCKS):
        conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(CHANNELS), nn.ReLU()]
    model = nn.Sequential(*layers)
    if band is not None:
        pb.convert_(model, band, memory=policy)
    x = torch.randn(4, CHANNELS, SIZE, SIZE)

    def step() -> None:
        model(x).mean((2, 3)).square().sum().backward()

    step()  # gradients are there from now on
    return [held / (4 * x.numel()) for held in accumulate(changes(step, x.device), initial=0)]
