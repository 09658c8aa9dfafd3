"""The Inception network for time series (Ismail Fawaz et al. 2020, "InceptionTime", section 3)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from passband.lab.checks import check_count

_WIDTH = 32  # channels of a bottleneck, and of each branch
_KERNELS = (40, 20, 10)
_MODULES, _BETWEEN = 6, 3  # modules, and how many a shortcut goes around


class InceptionModule(nn.Module):
    """Three 'same' convolutions of one bottleneck and one of the maxima of 3, side by side.

    Args:
        in_channels: channels of the input `(N, in_channels, length)`; a single one has no
            bottleneck.
    """

    channels = (len(_KERNELS) + 1) * _WIDTH
    """Of the output."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        narrow = _WIDTH if in_channels > 1 else 1
        self.bottleneck: nn.Module = nn.Identity()
        if in_channels > 1:
            self.bottleneck = nn.Conv1d(in_channels, narrow, 1, bias=False)
        self.pad = nn.ZeroPad1d((0, 1))  # even kernels need one zero more on the right
        self.branches = nn.ModuleList(
            nn.Conv1d(narrow, _WIDTH, kernel, padding=(kernel - 1) // 2, bias=False)
            for kernel in _KERNELS
        )
        self.pool = nn.MaxPool1d(3, stride=1, padding=1)
        self.pooled = nn.Conv1d(in_channels, _WIDTH, 1, bias=False)
        self.bn = nn.BatchNorm1d(self.channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, 128, length)`."""
        padded = self.pad(self.bottleneck(x))
        maps = [branch(padded) for branch in self.branches]
        out: Tensor = self.relu(self.bn(torch.cat((*maps, self.pooled(self.pool(x))), 1)))
        return out


class InceptionBlock(nn.Module):
    """Three modules one after another, and around them a convolution of one sample with norm.

    Args:
        in_channels: channels of the input `(N, in_channels, length)`.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        channels = InceptionModule.channels
        self.modules_in_turn = nn.Sequential(
            *(InceptionModule(channels if i else in_channels) for i in range(_BETWEEN))
        )
        self.shortcut = nn.Sequential(
            nn.Conv1d(in_channels, channels, 1, bias=False), nn.BatchNorm1d(channels)
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, 128, length)`."""
        out: Tensor = self.relu(self.modules_in_turn(x) + self.shortcut(x))
        return out


def inceptiontime(num_classes: int, in_channels: int) -> nn.Sequential:
    """Six Inception modules with a shortcut around every three, the mean over time, and logits.

    One network of the five that InceptionTime takes the mean of.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the series `(N, in_channels, length)`, of any length.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    layers, before = OrderedDict[str, nn.Module](), in_channels
    for i in range(1, _MODULES // _BETWEEN + 1):
        layers[f"block{i}"] = InceptionBlock(before)
        before = InceptionModule.channels
    layers["pool"] = nn.AdaptiveAvgPool1d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(before, num_classes)
    return nn.Sequential(layers)
