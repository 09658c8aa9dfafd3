"""One axis of a transform: a ring of samples, the modes kept on it, the samples looked at."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """Sample positions start, start + step, …, on a ring (so taken modulo its length).

    A fractional step puts the samples between those of the ring: that is resampling.
    """

    start: int
    step: int | Fraction
    count: int

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Kept, since every call of a layer looks its constants up by grids and axes.
        return hash((self.start, self.step, self.count))

    @property
    def reversed(self) -> Grid:
        """The same positions with the opposite sign."""
        return Grid(-self.start, -self.step, self.count)

    @property
    def stop(self) -> int:
        """Last position (of an integer grid)."""
        return int(self.start + self.step * (self.count - 1))


@dataclass(frozen=True)
class Axis:
    """A ring of `length` samples of which `modes` frequencies are kept, seen on a grid.

    Attributes:
        length: transform length L.
        modes: mode count m; the bins |k| <= m - 1 are kept.
        grid: where the samples lie.
    """

    length: int
    modes: int
    grid: Grid

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.length, self.modes, self.grid))

    def on(self, grid: Grid) -> Axis:
        """The same ring and band, seen on another grid."""
        return Axis(self.length, self.modes, grid)

    @property
    def full(self) -> bool:
        """Whether no frequency is dropped."""
        return self.modes == self.length // 2 + 1

    @cached_property
    def own(self) -> int:
        """How many kept frequencies are their own mirror image: 0, and Nyquist where it is kept."""
        return 2 if 2 * (self.modes - 1) == self.length else 1

    @cached_property
    def pairs(self) -> int:
        """How many kept frequencies k > 0 have a mirror image -k of their own."""
        return self.modes - self.own

    def turns(self, k: Tensor) -> Tensor:
        """Turns k p / L of frequencies `(bins,)` at the grid's samples, `(bins, samples)`.

        Whole turns are dropped in integers, so that long rings lose no accuracy.
        """
        step = Fraction(self.grid.step)
        ring = self.length * step.denominator
        samples = torch.arange(self.grid.count, device=k.device) * step.numerator
        samples = samples + self.grid.start * step.denominator
        return (torch.outer(k, samples) % ring).double() / ring

    @cached_property
    def folded(self) -> int | None:
        """Length of the shorter ring that the grid's samples form by themselves, if there is one.

        A grid of step s from 0 whose step divides the ring is a ring of L / s samples. As long as
        the band stays below its Nyquist frequency a transform of that length is enough.
        """
        short = Fraction(self.length) / Fraction(self.grid.step)
        fits = (
            self.grid.start == 0
            and short.denominator == 1
            and self.grid.count <= short
            and self.modes - 1 <= short // 2
        )
        return int(short) if fits else None
