"""Starts kernels; on a device, with the tile that proves fastest at the first call."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import torch
import triton
from torch import Tensor
from triton.runtime.errors import OutOfResources, PTXASError
from triton.testing import do_bench

from passband.kernels.gpu.device.adjoint import adjoint_kernel
from passband.kernels.gpu.device.analysis import analysis_kernel
from passband.kernels.gpu.tiles import Direction, Problem, tiles

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
_STAGES = 1  # of the software pipeline; to load ahead, with 3, cost more than it brought
_WARM_UP, _TIMED = 3, 12  # milliseconds for which a tile is tried
_fastest: dict[tuple[object, ...], dict[str, int]] = {}


def launch(
    problem: Problem,
    own: tuple[int, int],
    tensors: tuple[Tensor, Tensor, Tensor, Tensor],
    images: int,
    numbers: Mapping[str, float],
    fixed: Mapping[str, bool],
) -> None:
    """Runs a kernel.

    Args:
        problem: which, and for what.
        own: how many frequencies of each axis are their own mirror image.
        tensors: source, target, and the bases of both axes.
        images: of maps, of `channels` each.
        numbers: arguments by name.
        fixed: constants by name that are not in `problem`.
    """
    given = {**numbers, **fixed, **constants_of(problem, own)}
    channels = int(numbers["channels"])
    kernel = kernel_of(problem.direction)

    def grid(sides: Mapping[str, Any]) -> tuple[int]:
        return (images * programs(problem, channels, sides),)

    with torch.cuda.device_of(tensors[0]):
        if INTERPRETED:
            kernel[grid](*tensors, **given, **tiles(problem)[0].sides())
            return
        # Later calls for another number of maps use the tile found.
        key = problem, *fixed.values(), *(t.dtype for t in tensors), tensors[0].device
        if key not in _fastest:
            tried = candidates(problem)
            run = partial(kernel.run, *tensors, grid=grid, warmup=False, **given)
            compile_ahead = partial(kernel.warmup, *tensors, grid=grid, **given)
            _fastest[key] = tried[0] if len(tried) == 1 else _tuned(tried, compile_ahead, run)
        kernel[grid](*tensors, **given, **_fastest[key])


def constants_of(problem: Problem, own: tuple[int, int]) -> dict[str, Any]:
    """The constants of a kernel but for its tile."""
    return {
        "H": problem.rows,
        "W": problem.columns,
        "ROW_MODES": problem.row_modes,
        "ROW_OWN": own[0],
        "COLUMN_MODES": problem.column_modes,
        "COLUMN_OWN": own[1],
        "FLAT": problem.flat,
        # Three products of tf32 are as exact as one of float32, and much faster.
        "PRECISION": "tf32x3",
    }


def programs(problem: Problem, channels: int, sides: Mapping[str, Any]) -> int:
    """How many programs transform the maps of one image."""
    if problem.direction == "analysis":
        first = triton.cdiv(problem.row_modes, sides["KY"])
        last = triton.cdiv(problem.column_modes, sides["KX"])
    else:
        first = triton.cdiv(problem.rows, sides["BY"])
        last = triton.cdiv(problem.columns, sides["BX"])
    return int(first * last * triton.cdiv(channels, sides["BC"]))


def kernel_of(direction: Direction) -> Any:
    """The kernel of a direction."""
    return analysis_kernel if direction == "analysis" else adjoint_kernel


def candidates(problem: Problem) -> list[dict[str, int]]:
    """What is tried: constants of a kernel that say its tile, warps and stages."""
    return [
        {**tile.sides(), "num_warps": tile.warps, "num_stages": _STAGES} for tile in tiles(problem)
    ]


def _tuned(
    tried: list[dict[str, int]],
    compile_ahead: Callable[..., object],
    run: Callable[..., object],
) -> dict[str, int]:
    """The fastest candidate."""
    # To compile one takes a second: all at once, on all cores.
    with ThreadPoolExecutor() as pool, triton.AsyncCompileMode(pool, ignore_errors=True):
        for how in tried:
            compile_ahead(**how)
    times = [_milliseconds(partial(run, **how)) for how in tried]
    return tried[times.index(min(times))]


def _milliseconds(run: Callable[[], object]) -> float:
    """Of a call; without end, if the device has no room for such a kernel."""
    try:
        return float(do_bench(run, warmup=_WARM_UP, rep=_TIMED, return_mode="median"))
    except (OutOfResources, PTXASError):
        return math.inf
