"""The fully convolutional network for time series (Wang, Yan and Oates 2017, section II.B)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from passband.lab.checks import check_count, check_counts
from passband.lab.models.width import scaled

_KERNELS = (8, 5, 3)


def fcn(
    num_classes: int,
    in_channels: int,
    widths: Sequence[int] = (128, 256, 128),
    width: float = 1,
) -> nn.Sequential:
    """Three 'same' convolutions with batch norm and ReLU, then the mean over time and logits.

    Kernels are 8, 5 and 3 samples. It takes series `(N, in_channels, length)` of any length.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the series.
        widths: channels of the three convolutions.
        width: times these.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    check_counts("widths", widths, len(_KERNELS))
    # 'same' with an even kernel needs one zero more on the right than on the left. The zero is
    # put there by hand: Conv1d(padding="same") does just that, but warns about it.
    layers: OrderedDict[str, nn.Module] = OrderedDict(pad1=nn.ZeroPad1d((0, 1)))
    before = in_channels
    for i, (channels, kernel) in enumerate(zip(scaled(width, *widths), _KERNELS, strict=True), 1):
        layers[f"conv{i}"] = nn.Conv1d(before, channels, kernel, padding=(kernel - 1) // 2)
        layers[f"bn{i}"] = nn.BatchNorm1d(channels)
        layers[f"relu{i}"] = nn.ReLU()
        before = channels
    layers["pool"] = nn.AdaptiveAvgPool1d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(before, num_classes)
    return nn.Sequential(layers)
