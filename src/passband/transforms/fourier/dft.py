"""The truncated transform as real matrix products: a dropped bin is never computed.

The map is read as the matrix (sample, map) and multiplied from the left, last axis first, so that
no intermediate result is ever transposed and the spectrum arrives bins first. There is no complex
number anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.weights import Norm, weights

CACHED_ENTRIES = 1 << 18  # of a matrix; a larger one is built anew each time, not kept for ever


def analysis(x: Tensor, axes: Sequence[Axis], norm: Norm) -> Tensor:
    """Samples `(P, *counts)` to the kept half spectrum `(2, bins, P)`."""
    counts = [axis.grid.count for axis in axes]
    maps = x.shape[0]
    matrix = _matrix(axes[-1], norm, half=True, like=x)
    rows = x.reshape(maps, math.prod(counts[:-1]), counts[-1]).permute(1, 2, 0)
    t = torch.matmul(matrix, rows)  # (leading samples, 2m, P)
    tail = axes[-1].modes * maps
    for dim in range(len(axes) - 2, -1, -1):
        matrix = _matrix(axes[dim], norm, half=False, like=x)
        t = torch.matmul(matrix, t.reshape(math.prod(counts[:dim]), 2 * counts[dim], tail))
        tail *= axes[dim].bins(half=False)
    return t.reshape(2, tail // max(maps, 1), maps) if maps else x.new_zeros(2, _bins(axes), 0)


def adjoint(spectrum: Tensor, axes: Sequence[Axis], norm: Norm) -> Tensor:
    """The exact adjoint of `analysis`: `(2, bins, P)` to samples `(P, *counts)`."""
    counts = [axis.grid.count for axis in axes]
    maps = spectrum.shape[-1]
    t, lead, tail = spectrum, 1, math.prod(spectrum.shape[1:])
    for dim, axis in enumerate(axes[:-1]):
        kept = axis.bins(half=False)
        tail = tail // kept
        matrix = _matrix(axis, norm, half=False, like=spectrum)
        t = torch.matmul(matrix.T, t.reshape(lead, 2 * kept, tail))
        lead *= counts[dim]
    matrix = _matrix(axes[-1], norm, half=True, like=spectrum)
    t = torch.matmul(matrix.T, t.reshape(lead, 2 * axes[-1].modes, maps))
    return t.permute(2, 0, 1).reshape(maps, *counts)


def _bins(axes: Sequence[Axis]) -> int:
    return math.prod(a.bins(half=False) for a in axes[:-1]) * axes[-1].modes


def _matrix(axis: Axis, norm: Norm, *, half: bool, like: Tensor) -> Tensor:
    entries = axis.grid.count * axis.bins(half=half) * (2 if half else 4)
    keep = entries <= CACHED_ENTRIES and not is_in_torch_dispatch_mode()
    return (_cached if keep else _build)(axis, norm, half, like.dtype, like.device)


@torch.inference_mode(False)
@torch.no_grad()
def _build(axis: Axis, norm: Norm, half: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The matrix of an axis.

    Rows: the real, then the imaginary parts of the bins. Columns: the samples; of an axis that is
    not the last, each sample's real and imaginary part.
    """
    k = torch.tensor(axis.frequencies(half=half), dtype=torch.int64, device=device)
    step = Fraction(axis.grid.step)
    ring = axis.length * step.denominator
    samples = torch.arange(axis.grid.count, dtype=torch.int64, device=device) * step.numerator
    samples = samples + axis.grid.start * step.denominator
    # Whole turns are dropped in integers, so that long rings lose no accuracy.
    turns = torch.outer(k, samples) % ring
    angle = turns.double() * (2 * math.pi / ring)
    weight = weights(axis, norm, half=half, like=angle)
    cos = torch.cos(angle) * weight.unsqueeze(-1)
    sin = torch.sin(angle) * weight.unsqueeze(-1)
    if half:
        return torch.cat([cos, -sin]).to(dtype)
    real = torch.stack([cos, sin], dim=-1).flatten(1)
    imaginary = torch.stack([-sin, cos], dim=-1).flatten(1)
    return torch.cat([real, imaginary]).to(dtype)


_cached = lru_cache(maxsize=256)(_build)
