"""A network with every kind of convolution, for what looks at whole networks."""

from __future__ import annotations

import torch
from torch import nn

import passband as pb
from passband.functional.plan import PlanName

KEEP = pb.Band(keep=0.3)


def network(band: pb.Band = KEEP, plan: PlanName = "auto") -> nn.Module:
    """Of maps `(N, 3, H, W)`; the same weights each time."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 16, 3, stride=2, padding=1, groups=2),
        nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(16, 16, 4, padding="same", padding_mode="circular", bias=False),
        nn.ConvTranspose2d(16, 5, 3, stride=2),
    )
    pb.convert_(model, band, plan=plan)
    return model
