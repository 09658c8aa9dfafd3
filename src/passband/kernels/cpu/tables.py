"""The tables that describe a band to the compiled kernels; `band.h` declares the same."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis, Grid
from passband.transforms.fourier.bins import Norm, own_weight, pair_factor, phases
from passband.transforms.remembered import remembered

_ALONE = Axis(1, 1, Grid(0, 1, 1))  # in place of a first axis
_Pointer = ctypes.c_void_p


class _Axis(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int32) for name in ("count", "modes", "own", "points", "odd")),
        *((name, _Pointer) for name in ("first", "second", "cos", "sin", "cos_back", "sin_back")),
    ]


class BandTables(ctypes.Structure):
    """A band on two axes."""

    _fields_ = [
        ("rows", _Axis), ("columns", _Axis), ("plus", _Pointer), ("minus", _Pointer),
        ("single", ctypes.c_float), ("pair", ctypes.c_float),
    ]  # fmt: skip


@remembered
def tables(axes: tuple[Axis, ...], norm: Norm) -> BandTables:
    """The tables of one or two axes."""
    rows, columns = (_ALONE, *axes)[-2:]
    single = own_weight(axes, norm)
    pair = single * pair_factor(norm)
    with torch.device("cpu"):
        plus, minus = (places.T.contiguous().int() for places in _places(rows, columns))
        parts = [_axis(rows), _axis(columns)]
    made = BandTables(parts[0][0], parts[1][0], plus.data_ptr(), minus.data_ptr(), single, pair)
    made.held = (plus, minus, parts[0][1], parts[1][1])
    return made


def _axis(axis: Axis) -> tuple[_Axis, tuple[Tensor, ...]]:
    """The tables of one axis, and the tensors that hold them."""
    first, second = _mirrored(axis)
    cos, sin = phases((axis,), torch.device("cpu"))
    odd = sum(other != own for own, other in zip(first, second, strict=True))
    cos, sin = cos[:, first].float(), sin[axis.own :, first[:odd]].float()
    indices = [torch.tensor(i, dtype=torch.int32) for i in (first, second)]
    held = (*indices, cos.T.contiguous(), sin.T.contiguous(), cos.contiguous(), sin.contiguous())
    sizes = axis.grid.count, axis.modes, axis.own, len(first), odd
    return _Axis(*sizes, *(t.data_ptr() for t in held)), held


def _mirrored(axis: Axis) -> tuple[list[int], list[int]]:
    """Indices of samples, and of their mirror images on the ring, -1 where there is none.

    Last come those that are their own: no sine sees them.
    """
    grid = axis.grid
    own, pairs = list[tuple[int, int]](), dict[int, int]()
    waiting: dict[object, list[int]] = {}  # by place; a grid may go around the ring more than once
    for i in range(grid.count):
        place = (grid.start + grid.step * i) % axis.length
        image = -place % axis.length
        if place == image:
            own.append((i, i))
        elif waiting.get(image):
            pairs[waiting[image].pop()] = i
        else:
            waiting.setdefault(place, []).append(i)
            pairs[i] = -1
    found = [*pairs.items(), *own]
    return [i for i, _ in found], [j for _, j in found]


def _places(rows: Axis, columns: Axis) -> tuple[Tensor, Tensor]:
    """Where the bins (ky, kx) and (-ky, kx) lie, `(row modes, column modes)`; -1 if nowhere."""
    plus = torch.empty(rows.modes, columns.modes, dtype=torch.long)
    minus = torch.full_like(plus, -1)
    at = 0
    blocks = [
        (plus, slice(rows.own), slice(columns.own)),
        (plus, slice(rows.own), slice(columns.own, None)),
        (plus, slice(rows.own, None), slice(columns.own)),
        (plus, slice(rows.own, None), slice(columns.own, None)),
        (minus, slice(rows.own, None), slice(columns.own, None)),
    ]
    for places, ky, kx in blocks:
        block = places[ky, kx]
        block.copy_(torch.arange(at, at + block.numel()).view(block.shape))
        at += block.numel()
    return plus, minus
