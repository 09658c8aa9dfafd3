"""The fastest way to compute a convolution, by trying each; remembered on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache, partial
from statistics import median

import torch
from torch import Tensor

from passband.functional.convolution import convolve, ready
from passband.functional.cost import Purpose, Way
from passband.functional.filtering import prepare
from passband.functional.geometry import Geometry
from passband.functional.plan import Plan, fastest, make_plan, ways
from passband.functional.timings import recall, remember


@lru_cache(maxsize=1024)
def measured_plan(
    geometry: Geometry,
    batch: int,
    inputs: int,
    outputs: int,
    dtype: torch.dtype,
    device: torch.device,
    purpose: Purpose,
    weight_dtype: torch.dtype,
) -> Plan:
    """The fastest way, timed in turn on random data: forward and backward, or forward alone.

    What was measured before on a machine like this one, with as many threads, is not measured
    again (see `timings`). As with `"auto"`, a band that keeps everything is PyTorch's own
    convolution; and where there is no data to time (the meta device) the estimate decides. Under
    autocast the weight has another dtype than the map.
    """
    shape = (batch, inputs, outputs, dtype)
    if geometry.full or device.type == "meta":
        return make_plan(geometry, "auto", *shape, device.type, purpose)
    possible = ways(geometry, dtype, device.type)
    plans = {way: make_plan(geometry, way, *shape, device.type, purpose) for way in possible}
    key = (
        f"{geometry} {shape} {weight_dtype} {device.type} {purpose} "
        f"{torch.get_num_threads()} threads"
    )
    known = recall(key)
    if known is None or set(known) != set(possible):
        # In a thread of its own, into which no function transform, tracer or checkpoint looks.
        threads = partial(torch.set_num_threads, torch.get_num_threads())
        with ThreadPoolExecutor(1, initializer=threads) as alone:
            measured = alone.submit(
                _measured, plans, inputs, outputs, batch, (dtype, weight_dtype), device, purpose
            ).result()
        known = {str(way): seconds for way, seconds in measured.items()}
        remember(key, known)
    return fastest(plans, {way: known[way] for way in possible})


def _measured(
    plans: dict[Way, Plan],
    inputs: int,
    outputs: int,
    batch: int,
    dtypes: tuple[torch.dtype, torch.dtype],
    device: torch.device,
    purpose: Purpose,
) -> dict[Way, float]:
    """Median seconds of each way."""
    geometry = plans["dft"].geometry
    space = [axis.grid.count for axis in geometry.source]
    taps = [grid.count for grid in geometry.taps]
    pair = (inputs, outputs) if geometry.transposed else (outputs, inputs)
    training = purpose == "training"
    with torch.inference_mode(False), torch.set_grad_enabled(training):
        x = _noise((batch, inputs, *space), dtypes[0], device).requires_grad_(training)
        w = _noise((pair[0], pair[1] // geometry.groups, *taps), dtypes[1], device)
        w.requires_grad_(training)
        runs = {way: _run_of(x, w, plan, purpose) for way, plan in plans.items()}
        for run in runs.values():
            run()
        times: dict[Way, list[float]] = {way: [] for way in runs}
        for _ in range(5):
            for way, run in runs.items():
                times[way].append(_seconds(run, device))
    return {way: median(seconds) for way, seconds in times.items()}


def _noise(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    # A generator of its own: measuring must not move the user's random numbers.
    generator = torch.Generator(device).manual_seed(0)
    return torch.randn(shape, dtype=dtype, device=device, generator=generator)


def _run_of(x: Tensor, weight: Tensor, plan: Plan, purpose: Purpose) -> Callable[[], object]:
    """What will be run for a purpose."""
    if purpose == "frozen":
        kept = cache(lambda dtype, by_taps: prepare(weight, plan, dtype, by_taps))
        return partial(ready(x, weight, None, plan, lambda _, __, *how: kept(*how)), x)
    if purpose == "inference":
        return partial(convolve, x, weight, None, plan)
    return lambda: torch.autograd.grad(convolve(x, weight, None, plan).sum(), (x, weight))


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    def wait() -> None:
        if device.type != "cpu":
            torch.accelerator.synchronize()

    wait()
    start = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - start
