"""Where a residual network begins."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from passband.lab.checks import check_choice
from passband.lab.models.activation import activation_of
from passband.lab.models.blurpool import BlurPool2d
from passband.lab.models.residual import conv3x3

STEMS = ("usual", "strided", "blurpool", "maxpool")


def stem_layers(
    kind: str, in_channels: int, channels: int, activation: str, padding_mode: str
) -> OrderedDict[str, nn.Module]:
    """A 3x3 convolution, batch norm and activation, and what halves the maps, if anything does.

    Args:
        kind: `usual` leaves the maps as large as the image. The others halve them: `strided` by
            the stride of the convolution, `blurpool` by a low-pass filter and then the stride
            (Zhang 2019, section 3.2), `maxpool` by the 3x3 max-pool of He et al. 2016.
        in_channels: channels of the image.
        channels: channels of the maps.
        activation: `relu` or `silu`.
        padding_mode: `zeros` or `circular`; the max-pool's has no choice.

    Raises:
        ValueError: there is no such stem, activation or mode.
    """
    check_choice("stem", kind, STEMS)
    stride = 2 if kind == "strided" else 1
    layers = OrderedDict[str, nn.Module](
        conv1=conv3x3(in_channels, channels, stride, padding_mode),
        bn1=nn.BatchNorm2d(channels),
        activation=activation_of(activation)(),
    )
    if kind == "blurpool":
        layers["blurpool"] = BlurPool2d(padding_mode)
    if kind == "maxpool":
        layers["maxpool"] = nn.MaxPool2d(3, stride=2, padding=1)
    return layers
