"""MobileNetV2 (Sandler et al. 2018, table 2) for 32x32 images."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from passband.lab.checks import check_count

# Expansion, channels, how many blocks, stride of the first: table 2 of the paper, where the stem
# and the second row have stride 2; there an image is 224x224.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_STEM, _LAST = 32, 1280


class InvertedResidual(nn.Module):
    """1x1 to more channels, 3x3 in each channel alone, 1x1 back without activation (figure 4d).

    Where the shape stays, the input is added.

    Args:
        in_channels: channels of the input `(N, in_channels, height, width)`.
        channels: channels of the output.
        stride: of the 3x3 convolution.
        expansion: how many times as many channels there are in between; for 1 the first
            convolution is left out.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.adds = stride == 1 and in_channels == channels
        hidden = expansion * in_channels
        layers = OrderedDict[str, nn.Module]()
        if expansion > 1:
            layers["expand"] = _unit(in_channels, hidden, 1)
        layers["depthwise"] = _unit(hidden, hidden, 3, stride, groups=hidden)
        layers["project"] = nn.Conv2d(hidden, channels, 1, bias=False)
        layers["bn"] = nn.BatchNorm2d(channels)
        self.layers = nn.Sequential(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, channels, ceil(height / stride), ceil(width / stride))`."""
        y: Tensor = self.layers(x)
        return x + y if self.adds else y


def mobilenet(num_classes: int, in_channels: int) -> nn.Sequential:
    """MobileNetV2 with maps of 32-16-8-4 samples a side: stem and second stage have stride 1.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    layers = OrderedDict[str, nn.Module](stem=_unit(in_channels, _STEM, 3))
    before = _STEM
    for i, (expansion, channels, count, stride) in enumerate(_STAGES, 1):
        blocks = []
        for j in range(count):
            blocks.append(InvertedResidual(before, channels, 1 if j else stride, expansion))
            before = channels
        layers[f"stage{i}"] = nn.Sequential(*blocks)
    layers["last"] = _unit(before, _LAST, 1)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(_LAST, num_classes)
    return nn.Sequential(layers)


def _unit(
    in_channels: int, channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    padding = kernel // 2
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(
                in_channels, channels, kernel, stride, padding, groups=groups, bias=False
            ),
            bn=nn.BatchNorm2d(channels),
            relu=nn.ReLU6(),
        )
    )
