"""U-Net (Ronneberger et al. 2015, section 2) with zero padding and batch norm."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from passband.lab.checks import check_count
from passband.lab.models.initial import he_normal_


class Level(nn.Module):
    """Two convolutions, what lies below at half the resolution, and two convolutions on both.

    Args:
        in_channels: channels of the input `(N, in_channels, height, width)`, of even sides.
        channels: channels of the output.
        below: takes maps of `channels` channels and returns twice as many, of the same size.
    """

    def __init__(self, in_channels: int, channels: int, below: nn.Module) -> None:
        super().__init__()
        self.down = _convolutions(in_channels, channels)
        self.pool = nn.MaxPool2d(2)
        self.below = below
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        self.join = _convolutions(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, channels, height, width)`."""
        here = self.down(x)
        lower = self.up(self.below(self.pool(here)))
        out: Tensor = self.join(torch.cat((here, lower), 1))
        return out


class UNet(nn.Module):
    """Logits for each pixel, by maps that are halved and doubled again `depth` times.

    Maps are halved by max-pooling and doubled by transposed 2x2 convolutions, and meet those of
    the same size on the way up. Zero padding, which the paper does without, keeps their size, so
    nothing is cropped. The paper has a width of 64.

    Args:
        num_classes: how many logits it returns for each pixel.
        in_channels: channels of the images `(N, in_channels, height, width)`, whose sides are
            multiples of `2 ** depth`.
        width: channels at the resolution of the image; each level below has twice as many.
        depth: how many times the resolution is halved.
    """

    def __init__(self, num_classes: int, in_channels: int, width: int = 32, depth: int = 4) -> None:
        super().__init__()
        check_count("num_classes", num_classes)
        check_count("in_channels", in_channels)
        check_count("width", width)
        check_count("depth", depth)
        self.multiple = 2**depth
        *channels, last = in_channels, *(width * 2**i for i in range(depth + 1))
        inner: nn.Module = _convolutions(channels[-1], last)
        for before, here in reversed([*pairwise(channels)]):
            inner = Level(before, here, inner)
        self.levels = inner
        self.head = nn.Conv2d(width, num_classes, 1)
        he_normal_(self.levels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, num_classes, height, width)`.

        Raises:
            ValueError: a side cannot be halved `depth` times.
        """
        if any(side % self.multiple for side in x.shape[2:]):
            raise ValueError(
                f"height and width are multiples of {self.multiple} (2 ** depth); "
                f"got {tuple(x.shape[2:])}"
            )
        out: Tensor = self.head(self.levels(x))
        return out


def _convolutions(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(channels),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            bn2=nn.BatchNorm2d(channels),
            relu2=nn.ReLU(),
        )
    )
