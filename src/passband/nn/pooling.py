"""Spectral pooling layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from passband.functional.pooling import (
    OutputSize,
    Pooled,
    check_output_size,
    spectral_pool1d,
    spectral_pool2d,
    spectral_pool3d,
)


class _SpectralPool(nn.Module):
    dims: int
    pool: Callable[..., Any]

    def __init__(self, output_size: OutputSize) -> None:
        super().__init__()
        self.output_size = check_output_size(type(self).__name__, output_size, self.dims)

    def forward(self, input: Pooled) -> Pooled:  # noqa: A002
        """Pool a map, or a spectrum."""
        out: Pooled = type(self).pool(input, self.output_size)
        return out

    def extra_repr(self) -> str:
        """The output size."""
        return f"output_size={self.output_size}"


class SpectralPool1d(_SpectralPool):
    """Spectral pooling of `(N, C, W)`; see `SpectralPool2d`."""

    dims, pool = 1, staticmethod(spectral_pool1d)


class SpectralPool2d(_SpectralPool):
    """Spectral pooling (Rippel et al., NeurIPS 2015) to a given size.

    Args:
        output_size: size of each space axis, or one for all; None leaves an axis as it is.

    Shape:
        `(N, C, H, W)` or `(C, H, W)` to `(N, C, *output_size)`; a `Spectrum` of maps to a
        `Spectrum`.

    Raises:
        TypeError: sizes that are not whole numbers.
        ValueError: a size below 1, or in `forward` above the map's.

    Examples:
        >>> import torch
        >>> SpectralPool2d((8, None))(torch.randn(2, 3, 16, 16)).shape
        torch.Size([2, 3, 8, 16])
    """

    dims, pool = 2, staticmethod(spectral_pool2d)


class SpectralPool3d(_SpectralPool):
    """Spectral pooling of `(N, C, D, H, W)`; see `SpectralPool2d`."""

    dims, pool = 3, staticmethod(spectral_pool3d)
