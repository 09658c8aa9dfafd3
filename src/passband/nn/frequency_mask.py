"""The layer that takes frequencies away from maps."""

from __future__ import annotations

from typing import get_args

from torch import Tensor, nn

from passband.functional.arguments import check_choice
from passband.functional.frequency_mask import MaskEdge, MaskShape, check_mask, mask_frequencies
from passband.functional.replaced import InputGradient


class FrequencyMask(nn.Module):
    """Keeps the low, or the high, frequencies of maps; see `passband.functional.frequency_mask`.

    In front of a model it is a defence against noise, most of which lies in high frequencies. It is
    none against an attack that knows of it and stays within the frequencies that are kept.

    Args:
        keep: share of the bins that pass unchanged, in (0, 1].
        shape: `"disk"` or `"square"`.
        high: keep the high frequencies instead of the low ones.
        edge: `"hard"`, `"linear"` or `"exponential"`.
        width: of a soft edge, in units of the Nyquist frequency; above 0.
        dims: how many of the last axes are space; by default all behind batch and channels.
        gradient: `"true"`, or `"identity"` (BPDA).

    Shape:
        `(N, C, *space)` to the same; in the dtype of the input.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an argument out of its range, or that has no meaning with the others.
        RuntimeError: in `forward`, a map with fewer axes or without samples.

    Examples:
        >>> import torch
        >>> FrequencyMask(keep=0.01)(torch.tensor([[[3.0, 1.0, 3.0, 1.0]]]))  # the mean alone
        tensor([[[2., 2., 2., 2.]]])
    """

    def __init__(
        self,
        keep: float,
        shape: MaskShape = "disk",
        *,
        high: bool = False,
        edge: MaskEdge = "hard",
        width: float | None = None,
        dims: int | None = None,
        gradient: InputGradient = "true",
    ) -> None:
        super().__init__()
        self.keep, self.shape, self.high, self.edge, self.width = check_mask(
            "FrequencyMask", keep, shape, high, edge, width
        )
        check_choice("FrequencyMask", "gradient", gradient, get_args(InputGradient))
        if dims is not None and (isinstance(dims, bool) or not isinstance(dims, int)):
            raise TypeError(f"FrequencyMask: dims is a whole number or None; got {dims!r}")
        if dims is not None and dims < 1:
            raise ValueError(f"FrequencyMask: dims is at least 1; got {dims}")
        self.dims, self.gradient = dims, gradient

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Mask a map."""
        return mask_frequencies(
            input, self.keep, self.shape, high=self.high, edge=self.edge, width=self.width,
            dims=self.dims, gradient=self.gradient,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The mask, and what differs from the defaults."""
        edge = "" if self.width is None else f", edge={self.edge!r}, width={self.width:g}"
        dims = "" if self.dims is None else f", dims={self.dims}"
        other = "" if self.gradient == "true" else f", gradient={self.gradient!r}"
        high = ", high=True" if self.high else ""
        return f"keep={self.keep:g}, shape={self.shape!r}{high}{edge}{dims}{other}"
