"""A small network for volumes, after VGG."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from passband.lab.checks import check_count

_STAGES = (16, 32, 64)  # channels


def cnn3d(num_classes: int, in_channels: int) -> nn.Sequential:
    """Three stages of two 3x3x3 convolutions with batch norm and ReLU, and max-pools between.

    The kernels are those that Tran et al. 2015 (section 3.2) found best for volumes. An odd side is
    pooled up, and logits see the mean of the last maps, so a volume may have any size.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the volumes `(N, in_channels, depth, height, width)`.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    layers, before = OrderedDict[str, nn.Module](), in_channels
    for i, channels in enumerate(_STAGES, 1):
        if i > 1:
            layers[f"pool{i - 1}"] = nn.MaxPool3d(2, ceil_mode=True)
        for j in (1, 2):
            layers[f"conv{i}_{j}"] = nn.Conv3d(before, channels, 3, padding=1, bias=False)
            layers[f"bn{i}_{j}"] = nn.BatchNorm3d(channels)
            layers[f"relu{i}_{j}"] = nn.ReLU()
            before = channels
    layers["avgpool"] = nn.AdaptiveAvgPool3d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(before, num_classes)
    return nn.Sequential(layers)
