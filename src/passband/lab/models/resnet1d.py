"""The residual network for time series (Wang, Yan and Oates 2017, section II.C)."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from passband.lab.checks import check_count

_WIDTHS = (64, 128, 128)
_KERNELS = (8, 5, 3)


class ResidualBlock1d(nn.Module):
    """Three 'same' convolutions with batch norm, of 8, 5 and 3 samples, beside a shortcut.

    The shortcut has batch norm, and a convolution of one sample where the channels change, as in
    the authors' code.

    Args:
        in_channels: channels of the input `(N, in_channels, length)`.
        channels: channels of the output.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        # A kernel of 8 needs one zero more on the right than on the left.
        layers, before = OrderedDict[str, nn.Module](pad1=nn.ZeroPad1d((0, 1))), in_channels
        for i, kernel in enumerate(_KERNELS, 1):
            layers[f"conv{i}"] = nn.Conv1d(before, channels, kernel, padding=(kernel - 1) // 2)
            layers[f"bn{i}"] = nn.BatchNorm1d(channels)
            if i < len(_KERNELS):
                layers[f"relu{i}"] = nn.ReLU()
            before = channels
        self.layers = nn.Sequential(layers)
        around = OrderedDict[str, nn.Module]()
        if in_channels != channels:
            around["conv"] = nn.Conv1d(in_channels, channels, 1)
        around["bn"] = nn.BatchNorm1d(channels)
        self.shortcut = nn.Sequential(around)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Returns `(N, channels, length)`."""
        out: Tensor = self.relu(self.layers(x) + self.shortcut(x))
        return out


def resnet1d(num_classes: int, in_channels: int) -> nn.Sequential:
    """Three residual blocks of 64, 128 and 128 channels, the mean over time, and logits.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the series `(N, in_channels, length)`, of any length.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    layers, before = OrderedDict[str, nn.Module](), in_channels
    for i, channels in enumerate(_WIDTHS, 1):
        layers[f"block{i}"] = ResidualBlock1d(before, channels)
        before = channels
    layers["pool"] = nn.AdaptiveAvgPool1d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(before, num_classes)
    return nn.Sequential(layers)
