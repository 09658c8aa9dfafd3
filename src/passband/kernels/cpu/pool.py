"""Maxima of windows, and a byte for each: where in its window it lies, compiled."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from passband.kernels.cpu.call import call
from passband.kernels.cpu.library import library
from passband.kernels.cpu.transform import DTYPES, is_real
from passband.transforms.layout import is_channels_last, laid_out

Pair = tuple[int, int]
Window = tuple[Pair, Pair, Pair, Pair, bool]
"""Kernel, stride, padding, dilation, and whether the end is rounded up."""

_PLACES = 256  # of a window


class _Pool(ctypes.Structure):
    """`pool.c` declares the same."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("map", "most", "place")),
        *((name, ctypes.c_int64) for name in (
            "maps", "rows", "columns", "inner", "down", "across", "height", "width", "row_step",
            "column_step", "above", "before", "row_gap", "column_gap",
        )),
        ("half", ctypes.c_int32),
    ]  # fmt: skip


def pools(x: Tensor) -> bool:
    """Whether these kernels take such maps `(N, C, H, W)`, or the gradient of some."""
    return library() is not None and x.dtype in DTYPES and x.ndim == 4 and is_real(x)


def pool(x: Tensor, size: Pair, window: Window) -> tuple[Tensor, Tensor]:
    """Maxima of windows, and their places: row of the window times its width, plus column.

    Args:
        x: maps `(N, C, H, W)`.
        size: rows and columns of the result, as PyTorch has them.
        window: of at most 256 samples.

    Returns:
        As `x`, and uint8, both in its memory format; of equal maxima the first, as in PyTorch.
    """
    last = is_channels_last(x)
    x = laid_out(x, last=last)
    y, place = (_empty((*x.shape[:2], *size), t, last) for t in (x.dtype, torch.uint8))
    _run("passband_pool", x, y, place, window, last=last)
    return y, place


def pool_back(grad: Tensor, place: Tensor, space: Pair, window: Window) -> Tensor:
    """The gradient of maps of this height and width, in the memory format of the places.

    Args:
        grad: of the maxima.
        place: of the maxima, as of `pool`.
        space: height and width of the maps.
        window: as `pool` was given.
    """
    last = is_channels_last(place)
    grad, place = laid_out(grad, last=last), laid_out(place, last=last)
    out = _empty((*grad.shape[:2], *space), grad.dtype, last)
    _run("passband_pool_back", out, grad, place, window, last=last)
    return out


def _empty(shape: Sequence[int], dtype: torch.dtype, last: bool) -> Tensor:
    return torch.empty(
        tuple(shape), dtype=dtype,
        memory_format=torch.channels_last if last else torch.contiguous_format,
    )  # fmt: skip


def _run(
    name: str, maps: Tensor, most: Tensor, place: Tensor, window: Window, *, last: bool
) -> None:
    (height, width), steps, padding, gaps, _ = window
    assert height * width <= _PLACES
    assert maps.dtype == most.dtype
    assert most.shape == place.shape
    (N, C, *space), size = maps.shape, most.shape[2:]
    outer, inner = (N, C) if last else (N * C, 1)
    given = _Pool(
        maps.data_ptr(), most.data_ptr(), place.data_ptr(), outer, *space, inner, *size, height,
        width, *steps, *padding, *gaps, maps.dtype == torch.bfloat16,
    )  # fmt: skip
    call(name, given)
