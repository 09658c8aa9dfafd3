"""Starts kernels; on a device, with the tile that proved fastest. Imports Triton."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
import triton
from torch import Tensor

from passband.kernels.gpu.device.adjoint import adjoint_kernel
from passband.kernels.gpu.device.analysis import analysis_kernel
from passband.kernels.gpu.tiles import Direction, Problem, Tile, tiles

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
_STAGES = (1, 3)  # of the software pipeline that loads ahead


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
    constants = {**fixed, **constants_of(problem, own)}
    channels = int(numbers["channels"])

    def grid(sides: Mapping[str, Any]) -> tuple[int]:
        return (images * programs(problem, channels, sides),)

    with torch.cuda.device_of(tensors[0]):
        if INTERPRETED:
            kernel = kernel_of(problem.direction)
            kernel[grid](*tensors, **numbers, **constants, **tiles(problem)[0].sides())
        else:
            _tuned(problem)[grid](*tensors, **numbers, **constants)


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


@cache
def _tuned(problem: Problem) -> Any:
    """The kernel, which at its first call for a layout of maps tries each tile.

    Later calls for another number of maps use the tile found.
    """
    configs = [_config(tile, stages) for tile in tiles(problem) for stages in _STAGES]
    key = ["LAST", "TURNED"] if problem.direction == "analysis" else ["LAST"]
    return triton.autotune(configs, key)(kernel_of(problem.direction))


def _config(tile: Tile, stages: int) -> Any:
    return triton.Config(tile.sides(), num_warps=tile.warps, num_stages=stages)
