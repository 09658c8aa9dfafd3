"""Samples put on their rings, and taken from them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis


def place(x: Tensor, axis: Axis, dim: int) -> Tensor:
    """The ring that has these samples on the axis's grid, and zeros elsewhere."""
    shape = [*x.shape[:dim], axis.length, *x.shape[dim + 1 :]]
    # Adding, not writing: taps of a filter longer than the ring meet.
    return x.new_zeros(shape).index_add(dim, _positions(axis, x.device), x)


def take(ring: Tensor, axis: Axis, dim: int) -> Tensor:
    """The samples of a ring on the axis's grid: the adjoint of `place`."""
    return ring.index_select(dim, _positions(axis, ring.device))


def regrid(x: Tensor, given: Sequence[Axis], wanted: Sequence[Axis]) -> Tensor:
    """Samples `(N, C, *counts)` on one grid of a ring, seen on another.

    The adjoint is the same with the grids exchanged.
    """
    for dim, (one, other) in enumerate(zip(given, wanted, strict=True), start=2):
        x = take(place(x, one, dim), other, dim)
    return x


def _positions(axis: Axis, device: torch.device) -> Tensor:
    grid = axis.grid
    return (torch.arange(grid.count, device=device) * int(grid.step) + grid.start) % axis.length
