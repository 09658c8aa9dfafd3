"""ResNet-18 (He et al. 2016) for 32x32 images, the usual one and the one of the ICML paper.

Parameters are named as in torchvision, so state dicts of that family fit.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from passband.lab.checks import check_count
from passband.lab.models.activation import activation_of
from passband.lab.models.initial import he_normal_


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is 1x1 where the shape changes.

    Args:
        in_channels: channels of the input `(N, in_channels, height, width)`.
        channels: channels of the output.
        stride: of the first convolution and of the shortcut.
        activation: `relu` or `silu`.
    """

    def __init__(
        self, in_channels: int, channels: int, stride: int, activation: str = "relu"
    ) -> None:
        super().__init__()
        activate = activation_of(activation)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.activation1 = activate()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.activation2 = activate()
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, channels, ceil(height / stride), ceil(width / stride))`."""
        y = self.activation1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        out: Tensor = self.activation2(y + self.downsample(x))
        return out


def resnet18(num_classes: int, in_channels: int, activation: str = "relu") -> nn.Sequential:
    """ResNet-18 as usual for 32x32 images: a 3x3 stem, then maps of 32-16-8-4 samples a side.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
        activation: `relu`, or `silu` in place of each ReLU.
    """
    return _resnet18(num_classes, in_channels, activation, OrderedDict())


def resnet18_icml(num_classes: int, in_channels: int, activation: str = "relu") -> nn.Sequential:
    """ResNet-18 as in Dziedzic et al. (ICML 2019): a max-pool after the stem, maps 32-16-8-4-2.

    It is the layout for ImageNet with a 3x3 stem of stride 1. The pooling costs accuracy on
    CIFAR-10 (93.5 % in the paper, where `resnet18` usually reaches 95 %).

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
        activation: `relu`, or `silu` in place of each ReLU.
    """
    pool = OrderedDict[str, nn.Module](maxpool=nn.MaxPool2d(3, stride=2, padding=1))
    return _resnet18(num_classes, in_channels, activation, pool)


def _resnet18(
    num_classes: int,
    in_channels: int,
    activation: str,
    after_stem: OrderedDict[str, nn.Module],
) -> nn.Sequential:
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    model = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 64, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(64),
            activation=activation_of(activation)(),
            **after_stem,
            layer1=_stage(64, 64, stride=1, activation=activation),
            layer2=_stage(64, 128, stride=2, activation=activation),
            layer3=_stage(128, 256, stride=2, activation=activation),
            layer4=_stage(256, 512, stride=2, activation=activation),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(512, num_classes),
        )
    )
    he_normal_(model)
    return model


def _stage(in_channels: int, channels: int, stride: int, activation: str) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(in_channels, channels, stride, activation),
        BasicBlock(channels, channels, 1, activation),
    )
