"""Which frequencies are kept: a band, stated in one of four ways, and the mode counts it means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, get_args

FFTSize = Literal["minimal", "fast", "reference"]

_VERSION = 1
_STATEMENTS = ("keep", "cutoff", "modes", "energy")
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, kw_only=True)
class Band:
    """The band of frequencies that a convolution keeps, forward and backward.

    Exactly one of `keep`, `cutoff`, `modes` and `energy` says how wide the band is. On an axis with
    a transform of length L, a band of m modes keeps the bins `|k|` <= m - 1, so it is symmetric in
    ±k and every map stays real; m = L // 2 + 1 keeps all of them.

    Args:
        keep: share of the half spectrum's coefficients to keep, in (0, 1]: an area in 2D, a volume
            in 3D, split evenly over the axes. The compression rate c (in percent) of Dziedzic et
            al. (ICML 2019) is `keep = 1 - c / 100`. A tuple gives each axis its own share of the
            axis, so that the product of its entries is what is kept in all.
        cutoff: highest kept frequency as a fraction of Nyquist, in (0, 1], for each axis.
        modes: mode count m >= 1, for each axis.
        energy: share of the input's spectral energy to keep, in (0, 1]; the band is the smallest
            one, at one cutoff for all axes, that holds it. Fix it on data with
            `passband.calibrate_`, or choose it anew for each batch with `dynamic`.
        fft_size: the transform length L. `"minimal"`: the shortest that is exact. `"fast"`: the
            next length whose prime factors are 2, 3, 5 and 7. `"reference"`: the power of two that
            the paper's code used in 2D (in 1D it padded more). L is part of what a cut band means,
            hence of the layer's configuration. Circular padding always takes L = n, the period.
        dynamic: with `energy` only: choose the band from each batch, as in the paper.

    Raises:
        TypeError: an entry is not a number.
        ValueError: none or several of the four are given, or one is out of its range.

    Examples:
        >>> Band(keep=0.25).resolve((34, 34))
        (9, 9)
        >>> Band(cutoff=0.5).resolve((34,))
        (9,)
    """

    keep: float | tuple[float, ...] | None = None
    cutoff: float | tuple[float, ...] | None = None
    modes: int | tuple[int, ...] | None = None
    energy: float | None = None
    fft_size: FFTSize = "minimal"
    dynamic: bool = False

    def __post_init__(self) -> None:
        given = {way: getattr(self, way) for way in _STATEMENTS if getattr(self, way) is not None}
        if len(given) != 1:
            raise ValueError(
                f"a band takes exactly one of {', '.join(_STATEMENTS)}; got {given or None}"
            )
        (way, value) = next(iter(given.items()))
        if isinstance(value, Sequence) and not isinstance(value, str) and way != "energy":
            if not value:
                raise ValueError(f"{way} needs an entry for each axis; got an empty sequence")
            object.__setattr__(self, way, tuple(_checked(way, entry) for entry in value))
        else:
            object.__setattr__(self, way, _checked(way, value))
        if self.fft_size not in get_args(FFTSize):
            raise ValueError(f"fft_size is one of {get_args(FFTSize)}; got {self.fft_size!r}")
        if not isinstance(self.dynamic, bool):
            raise TypeError(f"dynamic is True or False; got {self.dynamic!r}")
        if self.dynamic and way != "energy":
            raise ValueError(f"dynamic=True goes with energy only; got {way}={value!r}")

    @property
    def statement(self) -> str:
        """What was stated, as it would be written, for instance `"keep=0.5"`."""
        return next(f"{s}={getattr(self, s)}" for s in _STATEMENTS if getattr(self, s) is not None)

    def check_axes(self, axes: int) -> None:
        """Whether the band has an entry for each of so many space axes.

        Raises:
            ValueError: it is a tuple of another length.
        """
        for statement in ("keep", "cutoff", "modes"):
            value = getattr(self, statement)
            if value is not None:
                _per_axis(statement, value, axes)

    def __repr__(self) -> str:
        size = "" if self.fft_size == "minimal" else f", fft_size={self.fft_size!r}"
        return f"Band({self.statement}{size}{', dynamic=True' if self.dynamic else ''})"

    def resolve(self, lengths: Sequence[int]) -> tuple[int, ...]:
        """The mode count of each axis, for transforms of these lengths.

        Args:
            lengths: transform length L of each space axis.

        Returns:
            m of each axis, 1 <= m <= L // 2 + 1.

        Raises:
            ValueError: a tuple of another number of axes, or more modes than an axis has.
            RuntimeError: the band is stated as an energy, which only data can resolve.
        """
        axes = len(lengths)
        if any(L < 1 for L in lengths):
            raise ValueError(f"a transform has at least one point; got lengths {tuple(lengths)}")
        if self.keep is not None:
            # A single share is of the whole spectrum: each axis has its d-th root.
            power = 1 if isinstance(self.keep, tuple) else axes
            shares = _per_axis("keep", self.keep, axes)
            nearest = _reference_modes if self.fft_size == "reference" else _nearest_modes
            return tuple(nearest(L, share, power) for L, share in zip(lengths, shares, strict=True))
        if self.cutoff is not None:
            cutoffs = _per_axis("cutoff", self.cutoff, axes)
            # A cutoff at a bin includes it, whatever the rounding of c.
            return tuple(
                math.floor(c * L / 2 + 1e-9) + 1 for L, c in zip(lengths, cutoffs, strict=True)
            )
        if self.modes is not None:
            modes = _per_axis("modes", self.modes, axes)
            for length, m in zip(lengths, modes, strict=True):
                if m > length // 2 + 1:
                    raise ValueError(
                        f"modes={self.modes} does not fit: a transform of {length} points has at "
                        f"most {length // 2 + 1} modes (transform lengths {tuple(lengths)})"
                    )
            return modes
        raise RuntimeError(
            f"{self} says how much energy to keep, which only data can turn into frequencies: fix "
            "it with passband.calibrate_(model, batches), or choose anew for each batch with "
            "Band(energy=..., dynamic=True)"
        )

    def transform_length(self, exact: int, reference: int) -> int:
        """The transform length of an axis.

        Args:
            exact: the shortest length at which every output is exact.
            reference: the length that the paper rounds up to a power of two.
        """
        if self.fft_size == "minimal":
            return exact
        if self.fft_size == "fast":
            return next_smooth(exact)
        return int(1 << (max(exact, reference) - 1).bit_length())

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description with a version, the inverse of `from_dict`."""
        stated = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {k: list(v) if isinstance(v, tuple) else v for k, v in stated.items()}
        return {"version": _VERSION} | {k: v for k, v in kept.items() if v is not None}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Band:
        """The band that `to_dict` described.

        Raises:
            TypeError: not a mapping.
            ValueError: a version that this release does not know, or an unknown entry.
        """
        if not isinstance(description, Mapping):
            raise TypeError(f"a band is read from a dict; got {description!r}")
        entries = dict(description)
        version = entries.pop("version", None)
        if version != _VERSION or isinstance(version, bool):
            raise ValueError(f"a band description of version {_VERSION} is known; got {version!r}")
        unknown = set(entries) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(
                f"a band description has no entry {sorted(map(str, unknown))}; got {entries}"
            )
        return cls(**entries)


def bins(length: int, modes: int, *, half: bool) -> int:
    """How many bins an axis keeps: m of the halved last axis, up to 2m - 1 of any other."""
    return modes if half else min(2 * modes - 1, length)


def count_kept(lengths: Sequence[int], modes: Sequence[int]) -> int:
    """Kept coefficients of the half spectrum."""
    last = len(lengths) - 1
    return math.prod(
        bins(L, m, half=axis == last)
        for axis, (L, m) in enumerate(zip(lengths, modes, strict=True))
    )


def count_all(lengths: Sequence[int]) -> int:
    """All coefficients of the half spectrum."""
    return count_kept(lengths, [L // 2 + 1 for L in lengths])


def next_smooth(n: int) -> int:
    """The smallest length >= n whose prime factors are 2, 3, 5 and 7."""
    while not _is_smooth(n):
        n += 1
    return n


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5, 7):
        while n % prime == 0:
            n //= prime
    return n == 1


def _nearest_modes(length: int, keep: float, power: int) -> int:
    def distance(m: int) -> float:
        # Rounded, so that a tie in exact arithmetic is a tie here too.
        return round(abs((bins(length, m, half=False) / length) ** power - keep), 12)

    # The share grows with m: the nearest are about where it passes `keep`.
    about, most = math.floor((length * keep ** (1 / power) + 1) / 2), length // 2 + 1
    near = (min(max(m, 1), most) for m in range(about + 2, about - 2, -1))
    return min(near, key=distance)


def _reference_modes(length: int, keep: float, power: int) -> int:
    side: float = keep ** (1 / power)
    return max(1, math.floor((length // 2 + 1) * side))


def _checked(way: str, value: object) -> float | int:
    if way == "modes":
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise TypeError(f"modes are whole numbers; got {value!r}")
        if value < 1:
            raise ValueError(f"modes are at least 1 (the mean alone); got {value!r}")
        return int(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{way} is a number in (0, 1]; got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # of a huge integer
        number = math.inf
    if not 0 < number <= 1:
        percent = f": {number:g} % is {number / 100:g}" if 1 < number <= 100 else ""
        raise ValueError(f"{way} lies in (0, 1]; got {value!r:.40}{percent}")
    return number


def _per_axis(way: str, value: _Number | tuple[_Number, ...], axes: int) -> tuple[_Number, ...]:
    if not isinstance(value, tuple):
        return (value,) * axes
    if len(value) != axes:
        raise ValueError(f"{way}={value} has {len(value)} entries, the map has {axes} space axes")
    return value
