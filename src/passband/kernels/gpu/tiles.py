"""Into which tiles the kernels cut their work.

A tensor of a kernel has sides that are powers of two, those of a matrix product 16 at least. What
is tried on a device are a few tiles of which accumulators and operands fit into registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal

Direction = Literal["analysis", "adjoint"]

_REGISTERS = {2: 255, 4: 190}  # of a thread; a product of float32 takes its factors apart
_THREADS = 32  # of a warp
_TRIED = 3  # of 6, the best is on average 2 % slower than that of all (H200, ResNets' layers)


@dataclass(frozen=True)
class Problem:
    """What a kernel is compiled for.

    Attributes:
        direction: of the transform.
        rows: samples of the first axis.
        columns: samples of the last axis.
        row_modes: mode count of the first axis.
        column_modes: mode count of the last axis.
        flat: whether there is no last axis.
        itemsize: bytes of a number that is multiplied.
    """

    direction: Direction
    rows: int
    columns: int
    row_modes: int
    column_modes: int
    flat: bool
    itemsize: int


@dataclass(frozen=True)
class Tile:
    """Sides of a tile (as the kernels name them), and warps that share it."""

    BC: int
    BY: int
    BX: int
    KY: int
    KX: int
    warps: int

    def sides(self) -> dict[str, int]:
        """The constants of a kernel."""
        return {"BC": self.BC, "BY": self.BY, "BX": self.BX, "KY": self.KY, "KX": self.KX}


@lru_cache(maxsize=1024)
def tiles(problem: Problem) -> tuple[Tile, ...]:
    """Tiles worth trying, the likely best first."""
    fitting = [t for t in _all(problem) if _registers(problem, t) <= _REGISTERS[problem.itemsize]]
    fitting.sort(key=lambda t: _estimate(problem, t))
    return tuple(fitting[:_TRIED])


def side(size: int, least: int = 16, most: int = 1 << 30) -> int:
    """The least power of two that holds so many, within bounds."""
    return max(least, min(most, 1 << (size - 1).bit_length()))


def _all(problem: Problem) -> Iterator[Tile]:
    width = 1 if problem.flat else side(problem.columns, most=64)
    modes = {1} if problem.flat else {16, side(problem.column_modes, most=32)}
    rows = {16, side(problem.rows, most=64 if problem.flat else 32)}
    row_modes = {16, side(problem.row_modes, most=64 if problem.flat else 32)}
    maps = (16, 32, 64, 128) if problem.flat else (8, 16, 32)
    for sides in product(maps, sorted(rows), sorted(row_modes), sorted(modes), (4, 8)):
        bc, by, ky, kx, warps = sides
        yield Tile(bc, by, width, ky, kx, warps)


def _registers(problem: Problem, tile: Tile) -> int:
    """Registers that each thread needs, about: accumulators, operands, and what is loaded."""
    share = 4 // problem.itemsize
    parts = 1 if problem.flat else 2
    bins = tile.KX * tile.BC * tile.KY
    half = parts * tile.BY * tile.BC * tile.KX
    samples = tile.BY * tile.BC * tile.BX
    if problem.direction == "analysis":
        if problem.columns > tile.BX:  # two steps more are loaded ahead
            samples *= 3
        numbers = 2 * parts * bins + half + half // share + samples // share
    else:
        numbers = 2 * parts * bins // share + bins + half + samples
    return 24 + numbers // (_THREADS * tile.warps)


def _estimate(problem: Problem, tile: Tile) -> float:
    """Numbers moved and products made for a map, each in units of what costs about the same.

    A tile reads what it needs anew (from the cache, mostly). Runs of fewer than 32 bytes waste part
    of a sector.
    """
    sector = 32 / problem.itemsize
    waste = max(1.0, sector / tile.BC)
    row_tiles, column_tiles = -(-problem.row_modes // tile.KY), -(-problem.column_modes // tile.KX)
    row_steps, column_steps = -(-problem.rows // tile.BY), -(-problem.columns // tile.BX)
    samples = problem.rows * problem.columns
    bins = 2 * problem.row_modes * problem.column_modes
    again = row_tiles * column_tiles if problem.direction == "analysis" else 1
    back = row_steps * column_steps if problem.direction == "adjoint" else 1
    moved = waste * (samples * (1 + again) / 2 + bins * (1 + back) / 2)
    padded_rows, padded_columns = row_steps * tile.BY, column_steps * tile.BX
    kept_rows, kept_columns = row_tiles * tile.KY, column_tiles * tile.KX
    last = 0 if problem.flat else 2 * padded_rows * padded_columns * kept_columns
    first = (2 if problem.flat else 4) * padded_rows * kept_rows * kept_columns
    if problem.direction == "analysis":
        products = last * row_tiles + first
    else:
        products = last + first * column_steps
    occupied = 1 + (_registers(problem, tile) * tile.warps * _THREADS > 32768) / 4
    return (moved + products / 200) * occupied
