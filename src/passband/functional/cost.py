"""What each way to compute a convolution costs: its work, times the prices of a device.

Work is counted from shapes alone; prices are fitted to measurements (`benchmarks/fit_prices.py`)
and kept as data in `prices.json`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from passband.functional.geometry import Geometry
from passband.kernels.cpu import takes_taps
from passband.transforms.fourier import Axis, Transform, count
from passband.transforms.fourier.constants import CACHED_ENTRIES
from passband.transforms.fourier.dft import divided

Way = Literal["fft", "dft", "spatial", "fused"]
WAYS: tuple[Way, ...] = ("fft", "dft", "spatial")
"""Those that run everywhere."""
Purpose = Literal["training", "inference", "frozen"]
"""Forward and backward; forward alone; forward with filter spectra at hand."""

RESOURCES = (
    "step", "call", "product", "byte", "fft", "place", "entry", "start", "conv", "starved",
    "alone", "grouped", "launch", "sum", "tile", "panel", "pack", "moved",
)  # fmt: skip
"""Units of work: a convolution that autograd follows; an operation's start; a multiply-add of a
matrix product; a byte read or written; an operation of a fast Fourier transform; a byte put in its
place one by one; an entry of a matrix too large to keep; the start of the library's convolution, a
multiply-add of it, and one of those that starve on few input channels, on few output channels, or
in groups. And of the kernels: a start; a multiply-add of a transform or of a product of
one row, of other products, of filters' spectra; a tap put in their order; a byte."""
TRANSFORMS: tuple[Transform, ...] = ("fft", "dft")
_BLOCK = 16  # numbers that a vector unit takes at once
_THREADS = 2  # that the prices of compiled kernels are of: fewer blocks leave one of them idle
_LONG, _SLOW = 48, 3  # taps on an axis, how many times as long as forward each gradient then takes
_ROWS = 3  # of a product, below which sums wait for each other
_STORED = 8  # channels summed over that storing a sum of a product takes as long as
_CALL = 2  # starts of a kernel that the start of a whole convolution takes as long as


class Shape(NamedTuple):
    """N, input and output channels, and bytes of a number in the dtype of the computation.

    `on_cpu` is where kernels multiply with filters by their taps; elsewhere they only transform.
    """

    batch: int
    inputs: int
    outputs: int
    itemsize: int
    on_cpu: bool = True


Work = Counter[str]
Prices = Mapping[str, float]
"""Nanoseconds of a unit of each resource."""


@cache
def prices(device: str, precision: str) -> Prices:
    """Prices of a type of device for `"float32"` or `"bfloat16"`; of a CPU where there are none."""
    table: dict[str, dict[str, Prices]] = json.loads(
        files("passband.functional").joinpath("prices.json").read_text()
    )["prices"]
    known = table.get(device, table["cpu"])
    return known.get(precision, known["float32"])


def seconds(work: Work, at: Prices) -> float:
    """Estimated time of some work."""
    return 1e-9 * sum(at[resource] * amount for resource, amount in work.items())


def transform_work(axes: tuple[Axis, ...], way: Transform, maps: int, itemsize: int) -> Work:
    """Of the truncated transform of so many maps, in either direction."""
    of_way = {"fft": _fft_work, "dft": _dft_work, "fused": _kernel_work}
    return of_way[way](axes, maps, itemsize)


def convolution_work(
    geometry: Geometry,
    way: Way,
    transforms: tuple[Transform, Transform],
    shape: Shape,
    purpose: Purpose,
) -> Work:
    """Of a convolution.

    Args:
        geometry: of the convolution.
        way: how.
        transforms: of maps and of filters.
        shape: of what is convolved.
        purpose: whether backward follows, and whether filter spectra are at hand.
    """
    maps, filters = transforms
    if way == "spatial":
        work = _spatial_work(geometry, maps, shape, purpose)
    else:
        work = _spectral_work(geometry, maps, filters, shape, purpose)
    if purpose == "training":
        work["step"] += 1
    return work


def _spatial_work(geometry: Geometry, transform: Transform, shape: Shape, purpose: Purpose) -> Work:
    maps, itemsize = shape.batch * shape.inputs, shape.itemsize
    source = transform_work(geometry.source, transform, maps, itemsize)
    reach = transform_work(geometry.reach_axes, transform, maps, itemsize)
    conv = _conv_work(geometry, shape)
    if purpose != "training":
        return _sum((source, 1), (reach, 1), (conv, 1))
    # The library's gradients of long filters, and of those of a stem, are slow.
    hard = max(g.count for g in geometry.taps) >= _LONG or shape.inputs < _BLOCK
    return _sum((source, 2), (reach, 3), (conv, 1 + 2 * (_SLOW if hard else 1)))


def _spectral_work(
    geometry: Geometry, maps: Transform, filters: Transform, shape: Shape, purpose: Purpose
) -> Work:
    batch, inputs, outputs, itemsize, on_cpu = shape
    source = transform_work(geometry.source, maps, batch * inputs, itemsize)
    target = transform_work(geometry.target_axes, maps, batch * outputs, itemsize)
    passes, each_way = (3, 2) if purpose == "training" else (1, 1)
    around = _sum((source, each_way), (target, each_way))
    if maps == "fused" and on_cpu and takes_taps(geometry.filter_axes, geometry.groups):
        work = _sum((around, 1), (_taps_work(geometry, shape, purpose), 1))
        if purpose == "frozen":  # all in one call
            work["launch"] = _CALL
        return work
    count_of = inputs * outputs // geometry.groups
    spectra = transform_work(geometry.filter_axes, filters, count_of, itemsize)
    spectra["byte"] += _cast_bytes(geometry, count_of, itemsize)
    product = _product_work(geometry, shape)
    return _sum((around, 1), (product, passes), (spectra, 0 if purpose == "frozen" else passes))


def _sum(*parts: tuple[Work, int]) -> Work:
    total: Work = Counter()
    for work, times in parts:
        for resource, amount in work.items():
            total[resource] += times * amount
    return total


def _matmul(work: Work, rows: int, inner: int, columns: int, itemsize: int, batch: int = 1) -> None:
    """A product that writes `rows x columns` numbers and reads `inner x columns`."""
    work["call"] += 1
    work["product"] += batch * rows * inner * columns
    work["byte"] += batch * (rows + inner) * columns * itemsize


def _dft_work(axes: tuple[Axis, ...], maps: int, itemsize: int) -> Work:
    work: Work = Counter()
    lead, dense = divided(axes, maps)
    leading = math.prod(axis.grid.count for axis in lead)
    samples = math.prod(axis.grid.count for axis in dense)
    rows = 2 * count(dense)
    if rows * samples > CACHED_ENTRIES:
        work["entry"] += rows * samples
    _matmul(work, rows, samples, leading * maps, itemsize)
    for i in range(len(lead) - 1, -1, -1):
        axis = lead[i]
        leading //= axis.grid.count
        kept = axis.modes + axis.pairs
        _matmul(work, kept, axis.grid.count, leading * rows * maps, itemsize)
        rows *= kept
        work["call"] += 8
        work["byte"] += 2 * leading * rows * maps * itemsize
    return work


def _fft_work(axes: tuple[Axis, ...], maps: int, itemsize: int) -> Work:
    work: Work = Counter()
    tail, last = maps, len(axes) - 1
    for dim in range(last, -1, -1):
        axis = axes[dim]
        lead = math.prod(a.grid.count for a in axes[:dim])
        kept = axis.modes if dim == last else axis.modes + axis.pairs
        length = axis.folded or axis.length
        points = lead * tail * length * (1 if dim == last else 2)
        work["call"] += 4
        work["fft"] += math.ceil(2.5 * points * math.log2(length + 1) * _smoothness(length))
        work["byte"] += itemsize * (2 * points + 2 * lead * tail * kept)
        if axis.folded is None:  # samples are put on the ring, or taken from it, one by one
            work["place"] += itemsize * points
        tail *= kept
    work["place"] += 4 * itemsize * tail  # bins first
    return work


def _product_work(geometry: Geometry, shape: Shape) -> Work:
    batch, inputs, outputs, itemsize, _ = shape
    work: Work = Counter()
    bins, groups = count(geometry.source), geometry.groups
    filters = inputs * outputs // groups
    numbers = 2 * bins * (batch * (inputs + 3 * outputs) + filters)
    work["call"] += 6
    work["byte"] += itemsize * numbers
    if groups == inputs == outputs:
        work["byte"] += 4 * itemsize * bins * batch * inputs
    else:
        work["byte"] += 2 * itemsize * numbers * (groups > 1)
        width = max(1, outputs // groups)
        padded = math.ceil(width / _BLOCK) * _BLOCK / width
        work["product"] += math.ceil(4 * bins * batch * filters * padded)
    return work


def _kernel_work(axes: tuple[Axis, ...], maps: int, itemsize: int) -> Work:
    """Of a compiled transform: each axis by cosines of sums and sines of differences."""
    maps = _padded(maps, _BLOCK * _THREADS)
    sums, left, kept = 0, math.prod(axis.grid.count for axis in axes), 1
    for axis in reversed(axes):
        left //= axis.grid.count
        both = axis.modes + axis.pairs
        sums += left * kept * both * (axis.grid.count // 2 + 1)
        kept *= both
    samples = math.prod(axis.grid.count for axis in axes)
    moved = maps * itemsize * (samples + 2 * count(axes))
    return Counter({"launch": 1, "sum": sums * maps, "moved": moved})


def _taps_work(geometry: Geometry, shape: Shape, purpose: Purpose) -> Work:
    """Of compiled products with filters by their taps: forward, to the input, to the weight."""
    batch, inputs, outputs, itemsize, _ = shape
    forward = _tile_work(geometry, batch, inputs, outputs, itemsize)
    if purpose == "frozen":
        return forward
    ordered = math.prod(g.count for g in geometry.taps) * inputs * outputs
    forward["pack"] += ordered
    if purpose == "inference":
        return forward
    back = _tile_work(geometry, batch, outputs, inputs, itemsize)
    across = _tile_work(geometry, batch, outputs, inputs, itemsize, row=False)
    return _sum((forward, 1), (back, 1), (across, 1), (Counter({"pack": ordered}), 1))


def _tile_work(
    geometry: Geometry, batch: int, inner: int, lanes: int, itemsize: int, *, row: bool = True
) -> Work:
    """Of one of them, by channels that are summed over and channels that fill vectors."""
    bins, taps = count(geometry.source), math.prod(g.count for g in geometry.taps)
    filters = inner * _padded(lanes)
    down = geometry.taps[0].count if len(geometry.taps) == 2 else 0
    across = taps // max(1, down) * sum(a.modes for a in geometry.source[-1:])
    read = itemsize * (2 * bins * batch * (inner + lanes) + taps * filters)
    if batch == 1 and row:  # each filter's spectrum is multiplied with as soon as it is computed
        sums = filters * (bins * (down + 5) + across * max(1, down))
        return Counter({"launch": 2, "sum": sums, "moved": read // 2})
    panel = filters * (bins * (down + 4) + 2 * across * max(1, down))
    tile = 3 * bins * max(batch, _ROWS) * (inner + _STORED) * _padded(lanes)
    return Counter({"launch": 2, "tile": tile, "panel": panel, "moved": read})


def _conv_work(geometry: Geometry, shape: Shape) -> Work:
    """Of an ordinary convolution, which starves on few channels."""
    batch, inputs, outputs, itemsize, _ = shape
    taps = math.prod(g.count for g in geometry.taps)
    positions = batch * math.prod(g.count for g in geometry.target)
    reached = batch * math.prod(a.grid.count for a in geometry.reach_axes)
    products = positions * taps * inputs * outputs // geometry.groups
    filters = inputs * outputs // geometry.groups * taps
    kind = "conv"
    if min(inputs, outputs) // geometry.groups < _BLOCK:
        if geometry.groups > 1:
            kind = "grouped"
        elif outputs < _BLOCK:  # computed in eights, wanted or not
            kind, products = "alone", products * _padded(outputs, 8) // outputs
        else:
            kind, products = "starved", products * _padded(inputs, 4) // inputs
    work: Work = Counter({"start": 1, kind: products})
    # The library brings the filters into an order of its own first.
    work["byte"] += itemsize * (reached * inputs + positions * outputs + 3 * filters)
    work["byte"] += _cast_bytes(geometry, inputs * outputs // geometry.groups, itemsize)
    return work


def _cast_bytes(geometry: Geometry, filters: int, itemsize: int) -> int:
    """Read and written when half precision is made of a float32 weight, as under autocast."""
    taps = math.prod(g.count for g in geometry.taps)
    return taps * filters * (4 + itemsize) if itemsize < 4 else 0


def _padded(numbers: int, to: int = _BLOCK) -> int:
    return math.ceil(numbers / to) * to


def _smoothness(length: int) -> float:
    """How much an FFT suffers from the largest prime factor of its length."""
    prime, largest = 2, 1
    while prime * prime <= length:
        while length % prime == 0:
            length, largest = length // prime, prime
        prime += 1
    return 1 + math.log2(max(largest, length)) / 3
