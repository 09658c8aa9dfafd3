"""The plain DenseNet that SpecNet is compared with (Guan et al. 2019, table 1)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from passband.lab.checks import check_count
from passband.lab.models.initial import he_normal_

LAYERS = 6


class PlainDenseLayer(nn.Module):
    """Convolutions 1x1 and 3x3, each with batch norm and ReLU; what they find joins their input.

    Args:
        in_channels: channels of the input `(N, in_channels, height, width)`.
        growth: channels of both convolutions.
    """

    def __init__(self, in_channels: int, growth: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, growth, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(growth)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(growth, growth, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(growth)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, in_channels + growth, height, width)`, the input first."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        return torch.cat((x, y), 1)


def densenet_table1(num_classes: int, in_channels: int, growth: int = 64) -> nn.Sequential:
    """A 3x3 convolution, a max-pool, one dense block of six layers, the mean, and logits.

    Unlike in `densenet`, norm and activation follow a convolution, as the table has it. It gives
    channels for the spectral network alone; these are taken for both.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size; an odd
            side is pooled up.
        growth: channels of each convolution.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    check_count("growth", growth)
    model = nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, growth, 3, padding=1, bias=False),
            bn=nn.BatchNorm2d(growth),
            relu=nn.ReLU(),
            pool=nn.MaxPool2d(2, ceil_mode=True),
            block=nn.Sequential(
                *(PlainDenseLayer((i + 1) * growth, growth) for i in range(LAYERS))
            ),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear((LAYERS + 1) * growth, num_classes),
        )
    )
    he_normal_(model)
    return model
