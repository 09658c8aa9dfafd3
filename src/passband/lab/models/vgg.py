"""VGG-16 (Simonyan and Zisserman 2015, table 1, column D) with batch norm, for 32x32 images."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from passband.lab.checks import check_count
from passband.lab.models.initial import he_normal_
from passband.lab.models.width import scaled

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, and how many convolutions


def vgg16(num_classes: int, in_channels: int, width: float = 1) -> nn.Sequential:
    """Thirteen 3x3 convolutions in five stages, each stage followed by 2x2 max-pooling.

    As is usual for 32x32 images, each convolution is followed by batch norm, and one linear layer
    takes the place of the three for 224x224. It sees the mean of what the stages leave of an image:
    of 32x32 a single position. An odd side is pooled up, so an image may have any size.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
        width: times the channels, 64 to 512.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    widths = scaled(width, *(channels for channels, _ in STAGES))
    layers = OrderedDict[str, nn.Module]()
    before = in_channels
    for i, (channels, (_, count)) in enumerate(zip(widths, STAGES, strict=True), 1):
        for j in range(1, count + 1):
            layers[f"conv{i}_{j}"] = nn.Conv2d(before, channels, 3, padding=1)
            layers[f"bn{i}_{j}"] = nn.BatchNorm2d(channels)
            layers[f"relu{i}_{j}"] = nn.ReLU()
            before = channels
        layers[f"pool{i}"] = nn.MaxPool2d(2, ceil_mode=True)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(before, num_classes)
    model = nn.Sequential(layers)
    he_normal_(model)
    return model
