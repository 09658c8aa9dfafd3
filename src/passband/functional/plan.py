"""How a convolution will be computed, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, get_args

import torch

from passband.functional.cost import Way, cheaper_transform, training_cost
from passband.functional.geometry import Geometry
from passband.transforms.fourier import Transform

PlanName = Literal["auto", "fft", "dft", "spatial", "measure"]
PLAN_NAMES: tuple[str, ...] = get_args(PlanName)


@dataclass(frozen=True)
class Plan:
    """How a convolution of given shapes, band, dtype and device is computed.

    Attributes:
        geometry: rings, bands and positions.
        way: `"fft"` or `"dft"`: the product of spectra, by that transform; `"spatial"`: an ordinary
            convolution of the low-passed map.
        transform: the transform in use (of the `spatial` way, the one that low-passes).
        filter_transform: the transform of the filters: a few taps on a long ring are no work for
            an FFT.
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
    """
    holds, held_bytes = _held(geometry, batch * inputs, dtype)
    costs = training_cost(geometry, batch, inputs, outputs, device)
    way: Way
    if asked == "auto" and geometry.full:
        way, reason = "spatial", "every frequency is kept"
    elif asked == "auto" or asked == "measure":
        way, reason = min(costs, key=costs.__getitem__), "least estimated cost"
    else:
        way, reason = asked, "asked for"
    return Plan(
        geometry, way, *_transforms(geometry, way, device), holds, held_bytes,
        costs, reason,
    )  # fmt: skip


def _held(
    geometry: Geometry, maps: int, dtype: torch.dtype
) -> tuple[Literal["map", "spectrum"], int]:
    """What takes fewer bytes, the map in its dtype or its kept half spectrum, and how many."""
    samples = math.prod(axis.grid.count for axis in geometry.source)
    spectrum = 2 * geometry.bins * (8 if dtype == torch.float64 else 4)
    in_space = samples * dtype.itemsize
    if geometry.full or in_space <= spectrum:
        return "map", maps * in_space
    return "spectrum", maps * spectrum


def fastest(plans: Mapping[Way, Plan], seconds: Mapping[Way, float]) -> Plan:
    """The plan of the way that measured fastest."""
    way = min(seconds, key=seconds.__getitem__)
    return replace(plans[way], costs=dict(seconds), reason="measured fastest")


def _transforms(geometry: Geometry, way: Way, device: str) -> tuple[Transform, Transform]:
    """Of maps and of filters. The `dft` way takes no FFT at all, so that no number is complex."""
    if way == "dft":
        return "dft", "dft"
    filters = cheaper_transform(device, geometry.filter_axes)
    if way == "fft":
        return "fft", filters
    return cheaper_transform(device, geometry.source, geometry.reach_axes), filters
