"""A sparse spectrum as one bit for each coefficient and the values of those that are kept."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.packing import bits
from passband.packing.codes import Codes, dequantised, quantised

Store = Literal["exact", "bfloat16", "int8"]
"""How kept values are held: as they are; rounded; or in eight bits and scales, see `codes`."""


@dataclass(frozen=True)
class Layout:
    """How a packed spectrum is read; no tensor.

    Attributes:
        shape: of the spectrum, `(bins, 2, N, C)`.
        dtype: of the spectrum.
        first: where in the noise of the codes the first group begins, if there are codes.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    first: int | None

    def kept(self, mask: Tensor, *values: Tensor) -> Tensor:
        """The kept coefficients `(2, kept)`: their real parts, then their imaginary parts."""
        if self.first is None:
            return values[0]
        out = mask.new_empty(2, kept_count(mask, self.shape), dtype=self.dtype)
        return dequantised(Codes(values[0], values[1], self.first), 8, out)

    def dense(self, mask: Tensor, *values: Tensor) -> Tensor:
        """The spectrum."""
        return unpacked(mask, self.kept(mask, *values), self.shape, self.dtype)


def packed(y: Tensor, mask: Tensor, store: Store) -> tuple[Layout, tuple[Tensor, ...]]:
    """A spectrum that is zero wherever its mask is, as mask and values, and how they are read.

    Args:
        y: `(bins, 2, N, C)`, contiguous.
        mask: one bit for each complex coefficient, in the order of memory `(bins, N, C)`.
        store: how values are held; in eight bits, as codes and scales.
    """
    shape = tuple(y.shape)
    if store == "bfloat16":
        return Layout(shape, y.dtype, None), (mask, kept_of(y, mask, torch.bfloat16))
    kept = kept_of(y, mask, y.dtype)
    if store == "exact" or not kept.numel():
        return Layout(shape, y.dtype, None), (mask, kept)
    found = quantised(kept, 8, random.Random(kept.numel()))
    return Layout(shape, y.dtype, found.first), (mask, found.codes, found.scales)


def bytes_of(mask: Tensor, shape: Sequence[int]) -> Tensor:
    """The mask of a spectrum of this shape, bool `(bins, N, C)`."""
    b, _, n, c = shape
    return bits.unpacked(mask, (b, n, c), (n * c, c, 1))


def kept_count(mask: Tensor, shape: Sequence[int]) -> int:
    """How many complex coefficients a mask keeps."""
    if compiled.reads(mask, mask):
        return compiled.kept(mask, math.prod(shape) // 2)
    return int(bytes_of(mask, shape).sum())


def kept_of(y: Tensor, mask: Tensor, dtype: torch.dtype) -> Tensor:
    """The kept coefficients of a spectrum, `(2, kept)`, in a dtype."""
    if compiled.is_spectrum(y) and dtype in compiled.DTYPES and mask.is_contiguous():
        return compiled.pack(y, mask, dtype)
    chosen = bytes_of(mask, y.shape)
    return torch.stack([part[chosen] for part in y.unbind(1)]).to(dtype)


def unpacked(mask: Tensor, kept: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """The spectrum `(bins, 2, N, C)` of a mask and its kept coefficients `(2, kept)`."""
    if dtype in compiled.DTYPES and compiled.reads(mask, kept):
        return compiled.unpack(mask, kept, shape, dtype)
    chosen = bytes_of(mask, shape)
    out = kept.new_zeros(shape, dtype=dtype)
    for part, values in zip(out.unbind(1), kept, strict=True):
        part[chosen] = values.to(dtype)
    return out
