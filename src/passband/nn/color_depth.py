"""The layer that lowers the colour depth of maps."""

from __future__ import annotations

from typing import get_args

from torch import Tensor, nn

from passband.functional.arguments import check_choice
from passband.functional.color_depth import check_levels, round_colors
from passband.functional.replaced import InputGradient


class ColorDepth(nn.Module):
    """Rounds maps to as few levels as a colour depth has; see `passband.functional.round_colors`.

    In front of a model it is a defence against noise. It is none against an attack that knows of
    it and takes the identity for its gradient.

    Args:
        bits: of the colour depth, from 1 to 16.
        low: the lowest level; values below it become it.
        high: the highest level; values above it become it.
        gradient: `"true"`, which is zero, or `"identity"` (BPDA).

    Shape:
        Any, to the same; in the dtype of the input.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an argument out of its range, or levels that do not rise.

    Examples:
        >>> import torch
        >>> ColorDepth(1)(torch.tensor([0.4, 0.6]))
        tensor([0., 1.])
    """

    def __init__(
        self,
        bits: int,
        low: float = 0.0,
        high: float = 1.0,
        *,
        gradient: InputGradient = "true",
    ) -> None:
        super().__init__()
        self.bits, self.low, self.high = check_levels("ColorDepth", bits, low, high)
        check_choice("ColorDepth", "gradient", gradient, get_args(InputGradient))
        self.gradient = gradient

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Round a map."""
        return round_colors(input, self.bits, self.low, self.high, gradient=self.gradient)

    def extra_repr(self) -> str:
        """Levels, and the gradient if it is not the true one."""
        other = "" if self.gradient == "true" else f", gradient={self.gradient!r}"
        return f"{self.bits}, low={self.low:g}, high={self.high:g}{other}"
