"""AlexNet (Krizhevsky et al. 2012, in the one-tower form of Krizhevsky 2014) for 32x32 images."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from passband.lab.checks import check_count
from passband.lab.models.initial import he_normal_

WIDTHS = (64, 192, 384, 256, 256)
SIDE, HIDDEN = 2, 4096  # what the first linear layer sees of each channel; linear layers between
_STRIDES = (2, 1, 1, 1, 1)
_POOLED = (1, 2, 5)  # after which convolutions there is a pool


def alexnet(num_classes: int, in_channels: int) -> nn.Sequential:
    """Five 3x3 convolutions, the first of stride 2, three max-pools, and three linear layers.

    Adapted as is usual for 32x32 images: kernels of 3x3 in place of 11x11 and 5x5, a first stride
    of 2 in place of 4, pools of 2x2 that do not overlap, and no local response normalisation. Maps
    have 32-16-8-4-2 samples a side, and the linear layers see 2x2 of them. A side is pooled up and
    what is left brought to 2x2 by averages, so an image may have any size. Half of what goes into
    the first two linear layers is dropped out in training.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    layers = OrderedDict[str, nn.Module]()
    before = in_channels
    for i, (width, stride) in enumerate(zip(WIDTHS, _STRIDES, strict=True), 1):
        layers[f"conv{i}"] = nn.Conv2d(before, width, 3, stride, padding=1)
        layers[f"relu{i}"] = nn.ReLU()
        if i in _POOLED:
            layers[f"pool{i}"] = nn.MaxPool2d(2, ceil_mode=True)
        before = width
    layers.update(head(num_classes))
    model = nn.Sequential(layers)
    he_normal_(model)
    return model


def head(num_classes: int) -> OrderedDict[str, nn.Module]:
    """The three linear layers, from maps of the last width and any size."""
    return OrderedDict[str, nn.Module](
        avgpool=nn.AdaptiveAvgPool2d(SIDE),
        flatten=nn.Flatten(),
        dropout1=nn.Dropout(),
        fc1=nn.Linear(WIDTHS[-1] * SIDE**2, HIDDEN),
        relu6=nn.ReLU(),
        dropout2=nn.Dropout(),
        fc2=nn.Linear(HIDDEN, HIDDEN),
        relu7=nn.ReLU(),
        fc3=nn.Linear(HIDDEN, num_classes),
    )
