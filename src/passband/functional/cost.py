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

Way = Literal["fft", "dft", "spatial"]
_TRANSFORMS: tuple[Transform, Transform] = ("fft", "dft")


@dataclass(frozen=True)
class Rates:
    """Throughput of a device, in units of 1e9 per second.

    Attributes:
        matmul: real multiply-adds of a matrix product.
        conv: real multiply-adds of the library's convolution.
        fft: real operations of a fast Fourier transform (5 n log2 n of them).
        copy: bytes read or written.
    """

    matmul: float
    conv: float
    fft: float
    copy: float


RATES = {
    "cpu": Rates(matmul=70, conv=60, fft=6, copy=12),
    "cuda": Rates(matmul=20_000, conv=25_000, fft=2_000, copy=2_500),
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
    product = 3 * (4 * batch * filters * geometry.bins / rates.matmul)
    product += 3 * 8 * geometry.bins * (batch * (inputs + outputs) + filters) / rates.copy
    source, target = batch * inputs, batch * outputs
    cost: dict[Way, float] = {}
    for way in _TRANSFORMS:
        maps = _transform(geometry.source, way, rates) * 2 * source
        maps += _transform(geometry.target_axes, way, rates) * 2 * target
        taps = _transform(geometry.filter_axes, way, rates) * 3 * filters
        cost[way] = (maps + taps + product) * 1e-9
    lowpass = lowpass_cost(geometry, rates)
    products = 3 * _conv(geometry, batch * filters, rates)
    cost["spatial"] = (min(lowpass.values()) * source + products) * 1e-9
    return cost


def cheaper_transform(geometry: Geometry, device: str) -> Transform:
    """The transform by which the `spatial` way low-passes its map."""
    cost = lowpass_cost(geometry, RATES.get(device, RATES["cpu"]))
    return "fft" if cost["fft"] < cost["dft"] else "dft"


def lowpass_cost(geometry: Geometry, rates: Rates) -> dict[Transform, float]:
    """Cost of low-passing a map, forward and backward, for each transform."""
    return {
        way: 2 * _transform(geometry.source, way, rates)
        + 3 * _transform(geometry.reach_axes, way, rates)
        for way in _TRANSFORMS
    }


def _conv(geometry: Geometry, pairs: int, rates: Rates) -> float:
    taps = math.prod(g.count for g in geometry.taps)
    return pairs * taps * math.prod(g.count for g in geometry.target) / rates.conv


def _transform(axes: tuple[Axis, ...], way: Transform, rates: Rates) -> float:
    """Cost of one map's truncated transform, last axis first."""
    if not all(axis.grid.count for axis in axes):
        return 0.0
    cost, tail, last = 0.0, 1, len(axes) - 1
    for dim in range(last, -1, -1):
        axis = axes[dim]
        lead = math.prod(a.grid.count for a in axes[:dim])
        kept = axis.bins(half=dim == last)
        if way == "dft":
            operations = lead * tail * axis.grid.count * kept * (2 if dim == last else 4)
            cost += operations / rates.matmul
        else:
            length = axis.folded or axis.length
            points = lead * tail * length * (1 if dim == last else 2)
            cost += 2.5 * points * math.log2(length + 1) * _smoothness(length) / rates.fft
            cost += 24 * lead * tail * length / rates.copy
        cost += 8 * lead * tail * (axis.grid.count + 2 * kept) / rates.copy
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
