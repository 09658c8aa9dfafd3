"""How a convolution will be computed, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, get_args

import torch

from passband.functional.cost import (
    TRANSFORMS,
    WAYS,
    Prices,
    Purpose,
    Shape,
    Way,
    Work,
    convolution_work,
    prices,
    seconds,
    transform_work,
)
from passband.functional.geometry import Geometry
from passband.kernels import fits, missing
from passband.transforms.fourier import Axis, Transform, count
from passband.transforms.precision import compute_dtype

PlanName = Literal["auto", "fft", "dft", "spatial", "fused", "measure"]
PLAN_NAMES: tuple[str, ...] = get_args(PlanName)


@dataclass(frozen=True)
class Plan:
    """How a convolution of given shapes, band, dtype and device is computed.

    Attributes:
        geometry: rings, bands and positions.
        way: `"fft"`, `"dft"` or `"fused"`: the product of spectra, by that transform; `"spatial"`:
            an ordinary convolution of the low-passed map.
        transform: the transform in use (of the `spatial` way, the one that low-passes).
        filter_transform: the transform of the filters: few taps on a long ring are no work for an
            FFT, unless the filters are so few that no matrix is worth making.
        holds: what is kept for backward besides the weight: `"spectrum"`, the kept half spectrum of
            the input, or `"map"`, the input itself where that is smaller.
        held_bytes: how many bytes that is.
        costs: estimated, or with `plan="measure"` measured, seconds of forward and backward.
        reason: why this way.
    """

    geometry: Geometry
    way: Way
    transform: Transform
    filter_transform: Transform
    holds: Literal["map", "spectrum"]
    held_bytes: int
    costs: Mapping[Way, float] = field(hash=False)
    reason: str

    @property
    def direct(self) -> bool:
        """Whether this is plainly PyTorch's convolution: every frequency kept, in space."""
        return self.way == "spatial" and self.geometry.full

    def __str__(self) -> str:
        costs = ", ".join(f"{way} {1e3 * s:.3g} ms" for way, s in self.costs.items())
        g = self.geometry
        return (
            f"{self.way} ({self.reason}): transform {g.lengths}, modes {g.modes}, "
            f"keep {g.keep:.3f}, holds the {self.holds}" + (f"; {costs}" if costs else "")
        )


@lru_cache(maxsize=4096)
def make_plan(
    geometry: Geometry,
    asked: PlanName,
    batch: int,
    inputs: int,
    outputs: int,
    dtype: torch.dtype,
    device: str,
    purpose: Purpose = "training",
) -> Plan:
    """The plan for a convolution.

    Args:
        geometry: of the convolution.
        asked: a way, or `"auto"` for the one that the cost model finds cheapest.
        batch: N.
        inputs: input channels.
        outputs: output channels.
        dtype: of the input.
        device: device type.
        purpose: what the plan is for.

    Raises:
        RuntimeError: `"fused"` is asked for where there are no kernels for the device.
    """
    if asked == "fused" and (why := missing(device)):
        raise RuntimeError(
            f"plan='fused': no kernels for a map on {device!r}: {why}; or use plan='auto'"
        )
    precision = "bfloat16" if dtype == torch.bfloat16 else "float32"
    at = prices(device, precision)
    possible = ways(geometry, dtype, device)

    def transforms_of(way: Way) -> tuple[Transform, Transform]:
        # On a GPU a low-pass by kernels before PyTorch's convolution was not timed yet.
        fused = "fused" in possible and "sum" in at and device == "cpu"
        filters = inputs * outputs // geometry.groups
        return _transforms(geometry, way, batch * inputs, filters, at, fused=fused)

    def work_of(way: Way) -> Work:
        transforms = transforms_of(way)
        itemsize = compute_dtype(dtype, transforms[0], device).itemsize
        shape = Shape(batch, inputs, outputs, itemsize, device == "cpu")
        return convolution_work(geometry, way, transforms, shape, purpose)

    costs: dict[Way, float] = {
        way: seconds(work_of(way), at) for way in possible if way != "fused" or "sum" in at
    }
    way: Way
    if asked == "auto" and geometry.full:
        way, reason = "spatial", "every frequency is kept"
    elif asked == "auto" or asked == "measure":
        way, reason = min(costs, key=costs.__getitem__), "least estimated cost"
    else:
        way, reason = asked, "asked for"
        if way not in possible:
            reason += "; by PyTorch's operations, since no kernel takes such maps"
    transforms = transforms_of(way)
    spectral = compute_dtype(dtype, transforms[0], device)
    held = _held(geometry, batch * inputs, dtype, spectral)
    return Plan(geometry, way, *transforms, *held, costs, reason)


def exported(plan: Plan, asked: PlanName) -> Plan:
    """The plan of a program: PyTorch's operations on real numbers, which others have too.

    Without a kernel, and without an FFT unless it is asked for.
    """
    if asked == "fft":
        return plan
    way: Way = "spatial" if plan.way == "spatial" else "dft"
    return replace(plan, way=way, transform="dft", filter_transform="dft", reason="exported")


def _held(
    geometry: Geometry, maps: int, dtype: torch.dtype, spectral: torch.dtype
) -> tuple[Literal["map", "spectrum"], int]:
    """What takes fewer bytes, the map in its dtype or its kept half spectrum, and how many."""
    samples = math.prod(axis.grid.count for axis in geometry.source)
    spectrum = 2 * count(geometry.source) * spectral.itemsize
    in_space = samples * dtype.itemsize
    if geometry.full or in_space <= spectrum:
        return "map", maps * in_space
    return "spectrum", maps * spectrum


def fastest(plans: Mapping[Way, Plan], times: Mapping[Way, float]) -> Plan:
    """The plan of the way that measured fastest."""
    way = min(times, key=times.__getitem__)
    return replace(plans[way], costs=dict(times), reason="measured fastest")


def ways(geometry: Geometry, dtype: torch.dtype, device: str) -> tuple[Way, ...]:
    """The ways that there are for a convolution."""
    axes = (geometry.source, geometry.target_axes, geometry.reach_axes, geometry.filter_axes)
    return (*WAYS, "fused") if all(fits(a, dtype, device) for a in axes) else WAYS


def _transforms(
    geometry: Geometry, way: Way, maps: int, filters: int, at: Prices, *, fused: bool
) -> tuple[Transform, Transform]:
    """Of maps and of filters. The `dft` way takes no FFT at all, so that no number is complex."""

    def cheaper(choice: tuple[Transform, ...], of: int, *axes: tuple[Axis, ...]) -> Transform:
        def cost(transform: Transform) -> float:
            return sum(seconds(transform_work(a, transform, of, 4), at) for a in axes)

        return min(choice, key=cost)

    if way in ("dft", "fused"):
        return way, "dft"
    of_filters = cheaper(TRANSFORMS, filters, geometry.filter_axes)
    if way == "fft":
        return "fft", of_filters
    choice = (*TRANSFORMS, "fused") if fused else TRANSFORMS
    return cheaper(choice, maps, geometry.source, geometry.reach_axes), of_filters
