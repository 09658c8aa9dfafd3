"""ResNets (He et al. 2016) for 32x32 images, and the ResNet-18 of the ICML paper.

Parameters are named as in torchvision, so state dicts of that family fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from torch import nn

from passband.lab.checks import check_count
from passband.lab.models.initial import he_normal_
from passband.lab.models.residual import BasicBlock, Block, Bottleneck, ZeroChannels
from passband.lab.models.stem import stem_layers
from passband.lab.models.width import scaled


def resnet18(
    num_classes: int,
    in_channels: int,
    activation: str = "relu",
    width: float = 1,
    padding_mode: str = "zeros",
    stem: str = "usual",
) -> nn.Sequential:
    """ResNet-18 as usual for 32x32 images: a 3x3 stem, then maps of 32-16-8-4 samples a side.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
        activation: `relu`, or `silu` in place of each ReLU.
        width: times the channels, 64 to 512.
        padding_mode: of the convolutions: `zeros` or `circular`.
        stem: `usual`; or one that halves the maps, `strided`, `blurpool` or `maxpool`.
    """
    channels = scaled(width, 64, 128, 256, 512)
    stages = zip((2, 2, 2, 2), channels, strict=True)
    style = _Style(activation, padding_mode, stem)
    return _resnet(num_classes, in_channels, channels[0], stages, BasicBlock, style)


def resnet18_icml(
    num_classes: int,
    in_channels: int,
    activation: str = "relu",
    width: float = 1,
    padding_mode: str = "zeros",
) -> nn.Sequential:
    """ResNet-18 as in Dziedzic et al. (ICML 2019): a max-pool after the stem, maps 32-16-8-4-2.

    It is the layout for ImageNet with a 3x3 stem of stride 1. The pooling costs accuracy on
    CIFAR-10 (93.5 % in the paper, where `resnet18` usually reaches 95 %).

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
        activation: `relu`, or `silu` in place of each ReLU.
        width: times the channels, 64 to 512.
        padding_mode: of the convolutions: `zeros` or `circular`.
    """
    return resnet18(num_classes, in_channels, activation, width, padding_mode, stem="maxpool")


def resnet20(
    num_classes: int,
    in_channels: int,
    activation: str = "relu",
    width: float = 1,
    padding_mode: str = "zeros",
    stem: str = "usual",
) -> nn.Sequential:
    """ResNet-20 for CIFAR (section 4.2): three stages of three blocks, maps 32-16-8.

    Where the shape changes, the shortcut has no parameters (option A), as in the paper.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
        activation: `relu`, or `silu` in place of each ReLU.
        width: times the channels, 16 to 64.
        padding_mode: of the convolutions: `zeros` or `circular`.
        stem: as of `resnet18`.
    """
    channels = scaled(width, 16, 32, 64)
    stages = zip((3, 3, 3), channels, strict=True)
    block = partial(BasicBlock, shortcut=_option_a)
    style = _Style(activation, padding_mode, stem)
    return _resnet(num_classes, in_channels, channels[0], stages, block, style)


def resnet50(
    num_classes: int,
    in_channels: int,
    activation: str = "relu",
    width: float = 1,
    padding_mode: str = "zeros",
    stem: str = "usual",
) -> nn.Sequential:
    """ResNet-50 (table 1) with a 3x3 stem: bottlenecks on maps of 32-16-8-4 samples a side.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
        activation: `relu`, or `silu` in place of each ReLU.
        width: times the channels, 64 in the stem and 256 to 2048 after it.
        padding_mode: of the convolutions: `zeros` or `circular`.
        stem: as of `resnet18`.
    """
    narrow = scaled(width, 64, 128, 256, 512)
    stages = zip((3, 4, 6, 3), (4 * channels for channels in narrow), strict=True)
    style = _Style(activation, padding_mode, stem)
    return _resnet(num_classes, in_channels, narrow[0], stages, Bottleneck, style)


def _option_a(in_channels: int, channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == channels:
        return nn.Identity()
    return ZeroChannels(in_channels, channels, stride)


class _Style(NamedTuple):
    activation: str
    padding_mode: str
    stem: str


def _resnet(
    num_classes: int,
    in_channels: int,
    first: int,
    stages: Iterable[tuple[int, int]],
    block: Block,
    style: _Style,
) -> nn.Sequential:
    """A stem, stages, the mean and logits.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images.
        first: channels of the stem.
        stages: how many blocks each has, and with how many channels.
        block: builds one.
        style: of stem and blocks.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    activation, padding_mode, stem = style
    layers, before = stem_layers(stem, in_channels, first, activation, padding_mode), first
    for i, (count, channels) in enumerate(stages, 1):
        blocks = []
        for j in range(count):
            stride = 2 if i > 1 and j == 0 else 1
            blocks.append(block(before, channels, stride, activation, padding_mode))
            before = channels
        layers[f"layer{i}"] = nn.Sequential(*blocks)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(before, num_classes)
    model = nn.Sequential(layers)
    he_normal_(model)
    return model
