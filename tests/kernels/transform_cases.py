"""The table of transforms that every implementation of them goes through, and a dense matrix."""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import torch
from torch import Tensor

from passband.transforms.fourier import Axis, Grid, Norm
from passband.transforms.fourier.bins import frequencies

Axes = tuple[Axis, ...]


def axis(length: int, modes: int, count: int, start: int = 0, step: int | Fraction = 1) -> Axis:
    return Axis(length, modes, Grid(start, step, count))


# Axes, images, channels.
CASES: dict[str, tuple[Axes, int, int]] = {
    "odd": ((axis(9, 3, 8), axis(11, 4, 10)), 2, 16),
    "even": ((axis(10, 4, 9), axis(8, 3, 7)), 2, 16),
    "circular": ((axis(8, 3, 8), axis(8, 3, 8)), 1, 20),
    "nyquist": ((axis(8, 5, 7), axis(6, 4, 5)), 2, 5),
    "nyquist first": ((axis(6, 4, 6), axis(9, 2, 9)), 1, 3),
    "nyquist last": ((axis(9, 5, 9), axis(6, 4, 6)), 1, 3),
    "one mode": ((axis(9, 1, 8), axis(7, 1, 6)), 2, 4),
    "one mode first": ((axis(9, 1, 8), axis(7, 3, 6)), 1, 4),
    "one mode last": ((axis(9, 3, 8), axis(7, 1, 6)), 1, 4),
    "strided": ((axis(15, 4, 7, step=2), axis(13, 5, 5, step=3)), 2, 7),
    "offset": ((axis(9, 3, 5, start=-2), axis(11, 4, 6, start=7)), 1, 18),
    "between": ((axis(9, 3, 6, step=Fraction(3, 2)), axis(9, 3, 4, 1, Fraction(9, 4))), 1, 4),
    "filter": ((axis(15, 6, 3, start=1, step=-1), axis(15, 6, 3, start=1, step=-1)), 4, 3),
    "not square": ((axis(5, 2, 4), axis(40, 12, 39)), 1, 9),
    "tiles of rows": ((axis(90, 40, 89), axis(8, 2, 7)), 1, 5),
    "tiles of columns": ((axis(8, 2, 7), axis(150, 70, 149)), 1, 5),
    "blocks of channels": ((axis(9, 3, 8), axis(9, 3, 8)), 2, 67),
    "twice around": ((axis(4, 2, 7), axis(5, 3, 9, start=-2)), 2, 3),
    "one sample": ((axis(2, 1, 1), axis(2, 1, 1)), 3, 2),
    "series": ((axis(31, 9, 30),), 3, 21),
    "series, nyquist": ((axis(16, 9, 16),), 2, 130),
    "series, twice around": ((axis(6, 4, 13, start=-3),), 2, 5),
    "long series": ((axis(200, 80, 199),), 1, 3),
}
NORMS: tuple[Norm, ...] = ("parseval", "none")


def maps(name: str, dtype: torch.dtype = torch.float32, *, last: bool = False) -> Tensor:
    axes, n, c = CASES[name]
    space = [a.grid.count for a in axes]
    if last:
        return torch.randn(n, *space, c).to(dtype).movedim(-1, 1)
    return torch.randn(n, c, *space).to(dtype)


def spectra(name: str, dtype: torch.dtype = torch.float32) -> Tensor:
    axes, n, c = CASES[name]
    return torch.randn(len(frequencies(axes)), 2, n, c).to(dtype)


@functools.cache
def dense(axes: Axes, norm: Norm) -> Tensor:
    """The whole transform, `(bins, 2, *samples)`, written down from the bins' frequencies."""
    rows = []
    for k in frequencies(axes):
        turns = torch.zeros((), dtype=torch.float64)
        for j, a in zip(k, axes, strict=True):
            places = [a.grid.start + a.grid.step * i for i in range(a.grid.count)]
            own = [float(j * Fraction(p) / a.length % 1) for p in places]
            turns = turns.unsqueeze(-1) + torch.tensor(own, dtype=torch.float64)
        alone = all(2 * j % a.length == 0 for j, a in zip(k, axes, strict=True))
        weight = (1 if alone else 2) / math.prod(a.length for a in axes)
        angle = 2 * math.pi * turns
        row = torch.stack([torch.cos(angle), -torch.sin(angle)])
        rows.append(row * (weight**0.5 if norm == "parseval" else 1.0))
    return torch.stack(rows)


def assert_near(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    """Equal to `tolerance` of the largest value expected."""
    assert actual.shape == expected.shape
    error = (actual.double() - expected).abs().max()
    assert error <= tolerance * expected.abs().max()
