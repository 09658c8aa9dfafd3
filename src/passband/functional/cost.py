"""What each way to compute a convolution costs: operations and bytes over a device's rates.

A first model. Rates are relative (only the order of the ways matters) and of one training step:
forward and backward of one layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from passband.functional.geometry import Geometry
from passband.transforms.fourier import Axis, Transform
from passband.transforms.fourier.dft import CACHED_ENTRIES

Way = Literal["fft", "dft", "spatial"]
_FEW_CHANNELS = 16  # in a group: with fewer, vector units run partly empty
_MANY = 1024  # maps enough for a matrix to be worth building
TRANSFORMS: tuple[Transform, Transform] = ("fft", "dft")


@dataclass(frozen=True)
class Rates:
    """Throughput of a device, in units of 1e9 per second.

    Attributes:
        matmul: real multiply-adds of a matrix product.
        conv: real multiply-adds of the library's convolution.
        fft: real operations of a fast Fourier transform (5 n log2 n of them).
        copy: bytes read or written.
        build: nanoseconds to compute an entry of a matrix too large to keep.
    """

    matmul: float
    conv: float
    fft: float
    copy: float
    build: float


RATES = {
    "cpu": Rates(matmul=70, conv=50, fft=6, copy=12, build=20),
    "cuda": Rates(matmul=20_000, conv=25_000, fft=2_000, copy=2_500, build=0.1),
}


def training_cost(
    geometry: Geometry, batch: int, inputs: int, outputs: int, device: str
) -> dict[Way, float]:
    """Estimated seconds of forward and backward, for each way.

    Args:
        geometry: of the convolution.
        batch: N.
        inputs: input channels.
        outputs: output channels.
        device: device type; those without rates of their own are taken for a CPU.
    """
    rates = RATES.get(device, RATES["cpu"])
    filters = inputs * outputs // geometry.groups
    product = 3 * 4 * batch * filters * geometry.bins / rates.matmul
    product += 3 * 8 * geometry.bins * (batch * (inputs + outputs) + filters) / rates.copy
    by_fft = min(_transform(geometry.filter_axes, way, filters, rates) for way in TRANSFORMS)
    by_matrix = _transform(geometry.filter_axes, "dft", filters, rates)

    def maps(way: Transform) -> float:
        source = _transform(geometry.source, way, batch * inputs, rates)
        return 2 * (source + _transform(geometry.target_axes, way, batch * outputs, rates))

    def lowpass(way: Transform) -> float:
        source = _transform(geometry.source, way, batch * inputs, rates)
        return 2 * source + 3 * _transform(geometry.reach_axes, way, batch * inputs, rates)

    cost: dict[Way, float] = {
        "fft": maps("fft") + 3 * by_fft + product,
        "dft": maps("dft") + 3 * by_matrix + product,
        "spatial": min(map(lowpass, TRANSFORMS))
        + 3 * _conv(geometry, batch, inputs, outputs, rates),
    }
    return {way: 1e-9 * nanoseconds for way, nanoseconds in cost.items()}


def cheaper_transform(device: str, *axes: tuple[Axis, ...]) -> Transform:
    """The transform that costs less for maps on all of these rings and grids."""
    rates = RATES.get(device, RATES["cpu"])
    return min(TRANSFORMS, key=lambda way: sum(_transform(a, way, _MANY, rates) for a in axes))


def _conv(geometry: Geometry, batch: int, inputs: int, outputs: int, rates: Rates) -> float:
    """Cost of an ordinary convolution, which starves on few channels."""
    taps = math.prod(g.count for g in geometry.taps)
    products = batch * inputs * outputs // geometry.groups * taps
    products *= math.prod(g.count for g in geometry.target)
    starved = max(1.0, _FEW_CHANNELS * geometry.groups / max(1, inputs))
    return products * starved / rates.conv


def _transform(axes: tuple[Axis, ...], way: Transform, maps: int, rates: Rates) -> float:
    """Cost of the truncated transform of so many maps, last axis first."""
    cost, tail, last = 0.0, maps, len(axes) - 1
    for dim in range(last, -1, -1):
        axis = axes[dim]
        lead = math.prod(a.grid.count for a in axes[:dim])
        kept = axis.bins(half=dim == last)
        rows = lead * tail
        if way == "dft":
            size = axis.grid.count * kept * (2 if dim == last else 4)
            cost += rows * size / rates.matmul + size * rates.build * (size > CACHED_ENTRIES)
        else:
            length = axis.folded or axis.length
            points = rows * length * (1 if dim == last else 2)
            cost += 2.5 * points * math.log2(length + 1) * _smoothness(length) / rates.fft
            if axis.folded is None:  # samples are put on the ring, or taken from it, one by one
                cost += 16 * points / rates.copy
        cost += 8 * rows * (axis.grid.count + 2 * kept) / rates.copy
        tail *= kept
    return cost


def _smoothness(length: int) -> float:
    """How much an FFT suffers from the largest prime factor of its length."""
    prime, largest = 2, 1
    while prime * prime <= length:
        while length % prime == 0:
            length, largest = length // prime, prime
        prime += 1
    return 1 + math.log2(max(largest, length)) / 3
