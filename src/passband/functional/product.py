"""The product of spectra: one complex matrix product over channels for each kept bin.

Spectra are planes, `(2, …)`: real and imaginary part. Written in real arithmetic, so that it runs
in every dtype and compiles.
"""

from __future__ import annotations

import torch
from torch import Tensor


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Complex `a @ b` of planes `(2, …, n, k)` and `(2, …, k, m)`."""
    multiply = torch.mul if a.shape[-1] == 1 else torch.matmul  # depthwise: an outer product
    real = multiply(a[0], b[0]) - multiply(a[1], b[1])
    imaginary = multiply(a[0], b[1]) + multiply(a[1], b[0])
    return torch.stack([real, imaginary])


def conjugate_transpose(a: Tensor) -> Tensor:
    """Aᴴ of planes `(2, …, n, k)`."""
    t = a.transpose(-1, -2)
    return torch.stack([t[0], -t[1]])


def split_groups(spectrum: Tensor, groups: int, channels: int) -> Tensor:
    """`(2, bins, N·C)` to `(2, bins, groups, N, C / groups)`."""
    planes, bins, _ = spectrum.shape
    return spectrum.reshape(planes, bins, -1, groups, channels // groups).transpose(2, 3)


def merge_groups(spectrum: Tensor) -> Tensor:
    """The inverse of `split_groups`."""
    return spectrum.transpose(2, 3).flatten(2)


def filter_matrices(spectrum: Tensor, groups: int, rows: int, *, transposed: bool) -> Tensor:
    """Spectra of a weight, `(2, bins, rows·columns)`, to `(2, bins, groups, in, out)`.

    The weight of a convolution has an output channel in each row, that of a transposed one an
    input channel.
    """
    planes, bins, _ = spectrum.shape
    matrices = spectrum.reshape(planes, bins, groups, rows // groups, -1)
    return matrices if transposed else matrices.transpose(-1, -2)


def merge_filters(matrices: Tensor, *, transposed: bool) -> Tensor:
    """The inverse of `filter_matrices`."""
    return (matrices if transposed else matrices.transpose(-1, -2)).flatten(2)
