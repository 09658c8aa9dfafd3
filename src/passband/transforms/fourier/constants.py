"""Constant tensors of a transform, made once for each band, dtype and device."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.bins import Norm, count
from passband.transforms.remembered import anew, recalled, remembered

Make = Callable[[tuple[Axis, ...], Norm, torch.device], Tensor]
CACHED_ENTRIES = 1 << 18  # of a tensor; a larger one is made anew each time, not kept for ever


def constant(make: Make, axes: tuple[Axis, ...], norm: Norm, like: Tensor) -> Tensor:
    """What `make` makes of a band, in the dtype and on the device of a tensor.

    Args:
        make: computes the constant, in float64 or an integer dtype.
        axes: ring, band and grid of each axis.
        norm: of the bins.
        like: gives dtype and device.
    """
    get = recalled if is_kept(axes) else anew
    return get(_made, make, axes, norm, like.dtype, like.device)


@lru_cache(maxsize=4096)
def is_kept(axes: tuple[Axis, ...]) -> bool:
    """Whether a matrix from all samples to all bins, the largest constant, is made only once."""
    return 2 * count(axes) * math.prod(axis.grid.count for axis in axes) <= CACHED_ENTRIES


@remembered
def _made(
    make: Make, axes: tuple[Axis, ...], norm: Norm, dtype: torch.dtype, device: torch.device
) -> Tensor:
    made = make(axes, norm, device)
    return made.to(dtype) if made.is_floating_point() else made
