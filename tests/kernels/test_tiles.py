"""Tiles, and where the kernels may be used."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch

from passband.kernels import gpu as kernels
from passband.kernels.gpu import choice
from passband.kernels.gpu.tiles import Direction, Problem, Tile, tiles
from passband.transforms.fourier import Axis, Grid

AXIS = Axis(9, 3, Grid(0, 1, 8))


@pytest.mark.parametrize("direction", ["analysis", "adjoint"])
@pytest.mark.parametrize("itemsize", [2, 4])
def test_every_problem_has_tiles(direction: Direction, itemsize: int) -> None:
    for rows, columns, flat in product((1, 7, 56, 1000), (1, 14, 56, 513), (False, True)):
        n = 1 if flat else columns
        problem = Problem(
            direction, rows, n, rows // 2 + 1, n // 2 + 1, flat=flat, itemsize=itemsize
        )
        found = tiles(problem)
        assert found
        assert all(is_power_of_two(side) for tile in found for side in tile.sides().values())
        assert all(least_products(problem, tile) >= 16 for tile in found)


def is_power_of_two(n: int) -> bool:
    return n.bit_count() == 1


def least_products(problem: Problem, tile: Tile) -> int:
    """The shortest side of a matrix that the kernel multiplies."""
    sides = [tile.BY, tile.KY, tile.KX * tile.BC]
    return min(sides if problem.flat else [*sides, tile.BX, tile.KX, tile.BY * tile.BC])


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(1, 1, 8, 8, dtype=torch.float64),
        torch.zeros(1, 1, 8, 8, 8),
        torch.zeros(1, 1, 8, 8, device="meta"),
    ],
    ids=["float64", "three axes", "no memory"],
)
def test_what_the_kernels_leave_alone(x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert not kernels.supports(x, [AXIS] * (x.ndim - 2))


def test_on_a_cpu_they_are_interpreted_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert not kernels.available("cpu")
    assert not kernels.supports(torch.zeros(1, 1, 8, 8), [AXIS, AXIS])


def test_importing_them_does_not_import_triton() -> None:
    program = "import sys, passband.kernels.gpu as k; k.available('cuda'); "
    program += "print('triton' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_in_the_interpreter_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert kernels.supports(torch.zeros(1, 1, 8, 8), [AXIS, AXIS])
    assert kernels.supports(torch.zeros(13, 2, 1, 1, dtype=torch.bfloat16), [AXIS, AXIS])


@pytest.mark.parametrize("there", [False, True])
def test_on_a_gpu_triton_needs_a_compiler(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(choice, "_capable", lambda: True)
    monkeypatch.setattr(choice, "_installed", lambda: True)
    monkeypatch.setattr(choice, "which", lambda name: f"/usr/bin/{name}" if there else None)
    monkeypatch.setattr(Path, "exists", lambda path: True)
    choice._compiles.cache_clear()
    try:
        assert kernels.available("cuda") is there
    finally:
        choice._compiles.cache_clear()
