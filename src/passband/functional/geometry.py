"""Where samples, taps and outputs of a convolution lie on its rings.

Convolution and transposed convolution are one computation. Source samples lie on a ring, the ring
signal is low-passed, and output t is the sum over taps j of `w[j] * ring[target(t) + taps(j)]`. A
convolution reads the map at every position and writes at every `stride`-th; a transposed one reads
at every `stride`-th, writes at each, and its taps run the other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from passband.band import Band, count_all, count_kept
from passband.transforms.fourier import Axis, Grid

StrideMode = Literal["sample", "spectral"]


@dataclass(frozen=True)
class Geometry:
    """Rings, bands and positions of a convolution, axis by axis.

    Attributes:
        source: the samples of the input map on their rings.
        taps: positions of the filter's taps, relative to an output.
        target: positions of the outputs.
        groups: channel groups.
        transposed: how the weight is laid out, as in `nn.ConvTranspose` or `nn.Conv`.
    """

    source: tuple[Axis, ...]
    taps: tuple[Grid, ...]
    target: tuple[Grid, ...]
    groups: int
    transposed: bool

    @cached_property
    def filter_axes(self) -> tuple[Axis, ...]:
        """The taps on the ring: mirrored, since a correlation multiplies by the conjugate spectrum.

        A transposed convolution is computed as a convolution's gradient, which conjugates itself.
        """
        taps = [grid if self.transposed else grid.reversed for grid in self.taps]
        return tuple(a.on(g) for a, g in zip(self.source, taps, strict=True))

    @cached_property
    def target_axes(self) -> tuple[Axis, ...]:
        """The outputs on the ring."""
        return tuple(a.on(g) for a, g in zip(self.source, self.target, strict=True))

    @cached_property
    def reach_axes(self) -> tuple[Axis, ...]:
        """Every ring position that an output's taps reach, without a gap."""
        return tuple(
            a.on(_reach(t, w)) for a, t, w in zip(self.source, self.target, self.taps, strict=True)
        )

    @property
    def full(self) -> bool:
        """Whether the band keeps every frequency, so that this is the ordinary convolution."""
        return all(axis.full for axis in self.source)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Transform length of each axis."""
        return tuple(axis.length for axis in self.source)

    @property
    def modes(self) -> tuple[int, ...]:
        """Mode count of each axis."""
        return tuple(axis.modes for axis in self.source)

    @property
    def bins(self) -> int:
        """Kept coefficients of a map's half spectrum."""
        return count_kept(self.lengths, self.modes)

    @property
    def keep(self) -> float:
        """Measured keep: kept coefficients over all coefficients of the half spectrum."""
        return self.bins / count_all(self.lengths)

    def with_modes(self, modes: Sequence[int]) -> Geometry:
        """The same convolution with another band."""
        axes = zip(self.source, modes, strict=True)
        return replace(self, source=tuple(Axis(a.length, m, a.grid) for a, m in axes))


def convolution_geometry(
    band: Band,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
    *,
    circular: bool = False,
    stride_mode: StrideMode = "sample",
) -> Geometry:
    """The geometry of a convolution (DESIGN: shortest exact transform length).

    Zero padding needs only `L = n + max(p_left, r)`, where r is how far the last output's last tap
    reaches beyond the map: what wraps around then meets zeros only.

    Args:
        band: the band.
        size: samples of each space axis.
        kernel: taps of each axis.
        stride: of each axis.
        padding: zeros before and after the map on each axis.
        dilation: of each axis.
        groups: channel groups.
        circular: whether the map itself is one period of the ring.
        stride_mode: `"spectral"` cuts the band to what the strided grid can represent, so that
            nothing aliases; `"sample"` takes every stride-th output of the full one.
    """
    lengths, taps, target = [], [], []
    for n, k, s, (before, after), d in zip(size, kernel, stride, padding, dilation, strict=True):
        extent = d * (k - 1) + 1
        outputs = (n + before + after - extent) // s + 1
        tap, out = Grid(-before, d, k), Grid(0, s, outputs)
        beyond = max(0, _reach(out, tap).stop - (n - 1))
        # The paper's length before rounding up to a power of two: of its output at stride 1.
        padded = n + before + after
        reference = padded + max(padded - extent + 1, extent) - 1
        lengths.append((n, n) if circular else (n + max(before, beyond), reference))
        taps.append(tap)
        target.append(out)
    rings = [
        exact if circular else band.transform_length(exact, reference)
        for exact, reference in lengths
    ]
    modes = _modes(band, rings, stride if stride_mode == "spectral" else [1] * len(rings))
    source = tuple(Axis(L, m, Grid(0, 1, n)) for L, m, n in zip(rings, modes, size, strict=True))
    return Geometry(source, tuple(taps), tuple(target), groups, transposed=False)


def transposed_geometry(
    band: Band,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Geometry:
    """The geometry of a transposed convolution: the adjoint of the convolution of its output."""
    output = [
        (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for n, k, s, p, extra, d in zip(
            size, kernel, stride, padding, output_padding, dilation, strict=True
        )
    ]
    symmetric = [(p, p) for p in padding]
    forward = convolution_geometry(band, output, kernel, stride, symmetric, dilation, groups)
    source = tuple(
        a.on(Grid(0, s, n)) for a, s, n in zip(forward.source, stride, size, strict=True)
    )
    taps = tuple(g.reversed for g in forward.taps)
    target = tuple(a.grid for a in forward.source)
    return Geometry(source, taps, target, groups, transposed=True)


def _modes(band: Band, rings: Sequence[int], stride: Sequence[int]) -> list[int]:
    # A dynamic band is chosen from each batch (see `energy`): until then all frequencies are kept.
    kept = [L // 2 + 1 for L in rings] if band.dynamic else band.resolve(rings)
    return [min(m, L // (2 * s) + 1) for L, m, s in zip(rings, kept, stride, strict=True)]


def _reach(target: Grid, taps: Grid) -> Grid:
    first = target.start + min(taps.start, taps.stop)
    last = target.stop + max(taps.start, taps.stop)
    return Grid(first, 1, last - first + 1)
