"""The fastest way to compute a convolution, by trying each."""

from __future__ import annotations

import time
from functools import lru_cache, partial
from statistics import median

import torch
from torch import Tensor

from passband.functional.convolution import convolve
from passband.functional.cost import Way
from passband.functional.geometry import Geometry
from passband.functional.plan import Plan, fastest, make_plan


@lru_cache(maxsize=1024)
def measured_plan(
    geometry: Geometry,
    batch: int,
    inputs: int,
    outputs: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Plan:
    """The fastest way to do forward and backward, timed in turn on random data.

    As with `"auto"`, a band that keeps everything is PyTorch's own convolution; and where there is
    no data to time (the meta device) the estimate decides.
    """
    shape = (batch, inputs, outputs, dtype, device.type)
    if geometry.full or device.type == "meta":
        return make_plan(geometry, "auto", *shape)
    space = [axis.grid.count for axis in geometry.source]
    taps = [grid.count for grid in geometry.taps]
    pair = (inputs, outputs) if geometry.transposed else (outputs, inputs)
    ways: tuple[Way, ...] = ("fft", "dft", "spatial")
    with torch.inference_mode(False), torch.enable_grad():
        x = _noise((batch, inputs, *space), dtype, device)
        w = _noise((pair[0], pair[1] // geometry.groups, *taps), dtype, device)
        plans = {way: make_plan(geometry, way, *shape) for way in ways}
        runs = {way: partial(_seconds, x, w, plans[way]) for way in ways}
        for run in runs.values():
            run()
        times: dict[Way, list[float]] = {way: [] for way in ways}
        for _ in range(5):
            for way, run in runs.items():
                times[way].append(run())
    return fastest(plans, {way: median(seconds) for way, seconds in times.items()})


def _noise(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    # A generator of its own: measuring must not move the user's random numbers.
    generator = torch.Generator(device).manual_seed(0)
    return torch.randn(shape, dtype=dtype, device=device, generator=generator).requires_grad_()


def _seconds(x: Tensor, weight: Tensor, plan: Plan) -> float:
    def wait() -> None:
        if x.device.type != "cpu":
            torch.accelerator.synchronize()

    wait()
    start = time.perf_counter()
    y = convolve(x, weight, None, plan)
    torch.autograd.grad(y.sum(), (x, weight))
    wait()
    return time.perf_counter() - start
