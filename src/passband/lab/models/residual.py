"""The blocks of residual networks (He et al. 2016, section 3), with the names of torchvision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from passband.lab.models.activation import activation_of
from passband.lab.models.padding import padding_mode_of

Shortcut = Callable[[int, int, int], nn.Module]
"""Takes channels before and after, and the stride."""


class Block(Protocol):
    """What builds a block: channels before it, its own, stride, activation, padding mode."""

    def __call__(
        self, in_channels: int, channels: int, stride: int, activation: str, padding_mode: str, /
    ) -> nn.Module:
        """A block that takes maps `(N, in_channels, height, width)`."""
        ...


def projection(in_channels: int, channels: int, stride: int) -> nn.Module:
    """The shortcut that is 1x1 where the shape changes (option B of section 4.1)."""
    if stride == 1 and in_channels == channels:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
    )


class ZeroChannels(nn.Module):
    """The shortcut without parameters: samples `stride` apart, and channels of zeros (option A).

    Args:
        in_channels: channels of the input `(N, in_channels, height, width)`.
        channels: channels of the output, the input's first.
        stride: of each axis.
    """

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.more, self.stride = channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, channels, ceil(height / stride), ceil(width / stride))`."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    Args:
        in_channels: channels of the input `(N, in_channels, height, width)`.
        channels: channels of the output.
        stride: of the first convolution and of the shortcut.
        activation: `relu` or `silu`.
        padding_mode: `zeros` or `circular`.
        shortcut: what it is.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        activation: str = "relu",
        padding_mode: str = "zeros",
        shortcut: Shortcut = projection,
    ) -> None:
        super().__init__()
        activate = activation_of(activation)
        self.conv1 = conv3x3(in_channels, channels, stride, padding_mode)
        self.bn1 = nn.BatchNorm2d(channels)
        self.activation1 = activate()
        self.conv2 = conv3x3(channels, channels, 1, padding_mode)
        self.bn2 = nn.BatchNorm2d(channels)
        self.activation2 = activate()
        self.downsample = shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, channels, ceil(height / stride), ceil(width / stride))`."""
        y = self.activation1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        out: Tensor = self.activation2(y + self.downsample(x))
        return out


class Bottleneck(nn.Module):
    """1x1 to a quarter of the channels, 3x3, and 1x1 back (figure 5), beside a shortcut.

    Args:
        in_channels: channels of the input `(N, in_channels, height, width)`.
        channels: channels of the output, a multiple of 4.
        stride: of the 3x3 convolution, as in torchvision (the paper: of the first), and of the
            shortcut.
        activation: `relu` or `silu`.
        padding_mode: `zeros` or `circular`.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        activation: str = "relu",
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__()
        activate, narrow = activation_of(activation), channels // 4
        self.conv1 = nn.Conv2d(in_channels, narrow, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.activation1 = activate()
        self.conv2 = conv3x3(narrow, narrow, stride, padding_mode)
        self.bn2 = nn.BatchNorm2d(narrow)
        self.activation2 = activate()
        self.conv3 = nn.Conv2d(narrow, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.activation3 = activate()
        self.downsample = projection(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, channels, ceil(height / stride), ceil(width / stride))`."""
        y = self.activation1(self.bn1(self.conv1(x)))
        y = self.activation2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        out: Tensor = self.activation3(y + self.downsample(x))
        return out


def conv3x3(in_channels: int, channels: int, stride: int, padding_mode: str) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size, but for its stride, without a bias."""
    mode = padding_mode_of(padding_mode)
    return nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False, padding_mode=mode)
