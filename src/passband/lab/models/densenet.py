"""DenseNet-BC (Huang et al. 2017, section 3) for 32x32 images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from passband.lab.checks import check_count
from passband.lab.models.initial import he_normal_

_BLOCKS = 3
_COMPRESSION = 0.5  # the share of its maps that a transition keeps
_OUTSIDE = 4  # layers outside of the blocks: stem, two transitions, classifier


class DenseLayer(nn.Module):
    """Batch norm, ReLU, 1x1 convolution, and again with 3x3; what it finds joins its input.

    Args:
        in_channels: channels of the input `(N, in_channels, height, width)`.
        growth: channels that it adds; the 1x1 convolution in between has four times as many.
    """

    def __init__(self, in_channels: int, growth: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, in_channels + growth, height, width)`, the input first."""
        y = self.conv1(self.relu1(self.bn1(x)))
        y = self.conv2(self.relu2(self.bn2(y)))
        return torch.cat((x, y), 1)


def densenet(
    num_classes: int, in_channels: int, growth: int = 12, depth: int = 100
) -> nn.Sequential:
    """Three dense blocks on maps of 32, 16 and 8 samples a side, half the channels kept between.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size; an odd
            side is pooled up.
        growth: channels that each layer adds, the k of the paper.
        depth: convolutions one after another, and the linear layer: 4 more than a multiple of 6.

    Raises:
        ValueError: a number is out of range, or no network has this depth.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    check_count("growth", growth)
    check_count("depth", depth, least=_OUTSIDE + 2 * _BLOCKS)
    count, rest = divmod(depth - _OUTSIDE, 2 * _BLOCKS)  # a layer is two convolutions
    if rest:
        raise ValueError(f"depth is {_OUTSIDE} more than a multiple of {2 * _BLOCKS}; got {depth}")

    return _densenet(num_classes, in_channels, growth, [count] * _BLOCKS)


def densenet_icml(num_classes: int, in_channels: int, growth: int = 12) -> nn.Sequential:
    """The "DenseNet-121" of Dziedzic et al. (ICML 2019): blocks of 6, 12, 24 and 16 layers.

    They are those of the network for ImageNet, with its growth of 32 made 12, a 3x3 stem and no
    max-pool: maps of 32, 16, 8 and 4 samples a side.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size; an odd
            side is pooled up.
        growth: channels that each layer adds.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    check_count("growth", growth)
    return _densenet(num_classes, in_channels, growth, (6, 12, 24, 16))


def _densenet(
    num_classes: int, in_channels: int, growth: int, counts: Sequence[int]
) -> nn.Sequential:
    """A 3x3 stem, dense blocks of so many layers, half the channels kept between, and logits."""
    channels = 2 * growth
    layers = OrderedDict[str, nn.Module]()
    layers["conv"] = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
    for i, count in enumerate(counts, 1):
        if i > 1:
            kept = int(_COMPRESSION * channels)
            layers[f"transition{i - 1}"] = _transition(channels, kept)
            channels = kept
        layers[f"block{i}"] = nn.Sequential(
            *(DenseLayer(channels + j * growth, growth) for j in range(count))
        )
        channels += count * growth
    layers["bn"] = nn.BatchNorm2d(channels)
    layers["relu"] = nn.ReLU()
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(channels, num_classes)
    model = nn.Sequential(layers)
    he_normal_(model)
    return model


def _transition(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            bn=nn.BatchNorm2d(in_channels),
            relu=nn.ReLU(),
            conv=nn.Conv2d(in_channels, channels, 1, bias=False),
            pool=nn.AvgPool2d(2, ceil_mode=True),
        )
    )
