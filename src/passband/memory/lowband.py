"""The low band of a map: an eighth of an orthonormal basis on each axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from passband.transforms.cosine import cosines
from passband.transforms.orthogonal import along
from passband.transforms.remembered import remembered

Basis = Literal["haar", "dct", "dft"]
SHARE = 8  # samples of an axis to each number of its low band


def low_band(x: Tensor, axes: Sequence[int], basis: Basis) -> Tensor:
    """Coefficients of the lowest functions of a basis on some axes, which become shorter.

    Args:
        x: any shape.
        axes: ascending, counted from the first.
        basis: `"haar"`, the wavelet's scaling functions, which are constant on eight samples each;
            `"dct"`, cosines of the discrete cosine transform of type II; or `"dft"`, the constant,
            cosines and sines of whole periods.
    """
    for axis in reversed(axes):  # the longest rows while they can be read one by one
        x = along(x, axis, functions(basis, x.shape[axis], x.dtype, x.device))
    return x


def spread(low: Tensor, axes: Sequence[int], lengths: Sequence[int], basis: Basis) -> Tensor:
    """The maps of these coefficients, of those lengths on the axes."""
    for axis, n in zip(axes, lengths, strict=True):
        low = along(low, axis, functions(basis, n, low.dtype, low.device).T)
    return low


@remembered
def functions(basis: Basis, n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The lowest functions of a basis of n samples, `(ceil(n / SHARE), n)`, orthonormal rows."""
    count = -(-n // SHARE)
    k, at = (torch.arange(m, dtype=torch.float64, device="cpu") for m in (count, n))
    k = k[:, None]
    if basis == "haar":
        rows = (at // SHARE == k).double()
    elif basis == "dct":
        rows = cosines(n, count)
    else:
        angles = 2 * math.pi / n * at * torch.ceil(k / 2)
        rows = torch.where(k % 2 == 1, torch.sin(angles), torch.cos(angles))
    rows /= rows.norm(dim=1, keepdim=True)
    return rows.to(device, dtype)
