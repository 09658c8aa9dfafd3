"""Seconds of contenders that take turns."""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from passband.lab.measure import finish

WARM_UP = 2  # first rounds plan, allocate and fill caches
_LEAST = 20e-3  # seconds of a turn: shorter work is done several times in a row, or the first call,
# which finds the caches as the contender before left them, would be all there is


@dataclass(frozen=True)
class Seconds:
    """Median and quartiles of one contender's repeats."""

    median: float
    lower: float
    upper: float


def interleaved(
    runs: Mapping[str, Callable[[], object]], repeats: int, device: torch.device
) -> dict[str, Seconds]:
    """Times contenders in turn (a1 b1 c1 a2 b2 c2 …), so that disturbances meet all alike.

    The garbage collector is off meanwhile, and an asynchronous device is waited for.

    Args:
        runs: What each contender does, by name.
        repeats: Timed rounds, after two that are not.
        device: Where they compute.
    """
    with _no_collection():
        for _ in range(WARM_UP):
            warm = {name: _seconds(run, 1, device) for name, run in runs.items()}
        times = {name: math.ceil(_LEAST / seconds) for name, seconds in warm.items()}
        samples: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(repeats):
            for name, run in runs.items():
                samples[name].append(_seconds(run, times[name], device))
    return {name: summary(values) for name, values in samples.items()}


def summary(values: Sequence[float]) -> Seconds:
    """Median and quartiles, between samples where they fall between.

    Example:
        >>> summary([4.0, 1.0, 2.0, 3.0, 5.0])
        Seconds(median=3.0, lower=2.0, upper=4.0)
    """
    if len(values) == 1:
        return Seconds(values[0], values[0], values[0])
    lower, middle, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Seconds(middle, lower, upper)


def _seconds(run: Callable[[], object], times: int, device: torch.device) -> float:
    finish(device)
    start = time.perf_counter()
    for _ in range(times):
        run()
    finish(device)
    return (time.perf_counter() - start) / times


@contextmanager
def _no_collection() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
