"""One axis of a transform: a ring of samples, the modes kept on it, the samples looked at."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from passband.band import bins


@dataclass(frozen=True)
class Grid:
    """Sample positions start, start + step, …, on a ring (so taken modulo its length).

    A fractional step puts the samples between those of the ring: that is resampling.
    """

    start: int
    step: int | Fraction
    count: int

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

    def on(self, grid: Grid) -> Axis:
        """The same ring and band, seen on another grid."""
        return Axis(self.length, self.modes, grid)

    @property
    def full(self) -> bool:
        """Whether no frequency is dropped."""
        return self.modes == self.length // 2 + 1

    def bins(self, *, half: bool) -> int:
        """Number of kept bins, of the half spectrum (last axis) or the whole."""
        return bins(self.length, self.modes, half=half)

    def frequencies(self, *, half: bool) -> list[int]:
        """The kept bins k, in the order of an FFT: 0 .. m-1, then the negative ones."""
        count = self.bins(half=half)
        return [k if k < self.modes else k - count for k in range(count)]

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
