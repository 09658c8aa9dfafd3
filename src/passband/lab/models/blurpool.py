"""BlurPool (Zhang 2019, "Making convolutional networks shift-invariant again", section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passband.lab.models.padding import padding_mode_of

_BINOMIAL = (1.0, 2.0, 1.0)  # Triangle-3 of the paper


class BlurPool2d(nn.Module):
    """Every second sample of each axis, after the fixed low-pass filter 1-2-1.

    What a stride alone would fold over from the high frequencies is damped first. The filter is no
    parameter, and no part of the state dict.

    Args:
        padding_mode: of the sample around an image: `circular`, or `zeros` as a network's
            convolutions have; then it is reflected, as in the author's code, since zeros would
            darken the border.

    Raises:
        ValueError: there is no such mode.

    Example:
        >>> BlurPool2d()(torch.ones(1, 1, 4, 4))
        tensor([[[[1., 1.],
                  [1., 1.]]]])
    """

    filter: Tensor

    def __init__(self, padding_mode: str = "zeros") -> None:
        super().__init__()
        circular = padding_mode_of(padding_mode) == "circular"
        self.padding_mode = "circular" if circular else "reflect"
        taps = torch.tensor(_BINOMIAL) / sum(_BINOMIAL)
        self.register_buffer("filter", torch.outer(taps, taps)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Takes `(N, C, height, width)`, of at least 2x2; half the sides, rounded up."""
        padded = F.pad(x, (1, 1, 1, 1), mode=self.padding_mode)
        channels = x.shape[1]
        weight = self.filter.to(x.dtype).expand(channels, 1, -1, -1)
        return F.conv2d(padded, weight, stride=2, groups=channels)

    def extra_repr(self) -> str:
        """The padding."""
        return f"padding_mode={self.padding_mode!r}"
