"""Activations of two slopes, which leave one bit for each element, compiled."""

from __future__ import annotations

import ctypes
import math

import torch
from torch import Tensor

from passband.kernels.cpu.call import call
from passband.kernels.cpu.library import library
from passband.kernels.cpu.transform import DTYPES, is_real


class _Mask(ctypes.Structure):
    """`mask.c` declares the same."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("from", "to", "bits")), ("count", ctypes.c_int64),
        *((name, ctypes.c_float) for name in ("low", "high", "slope")), ("half", ctypes.c_int32),
    ]  # fmt: skip


def masks(x: Tensor) -> bool:
    """Whether these kernels take such a tensor: without gaps in real memory."""
    return library() is not None and x.dtype in DTYPES and is_real(x) and _is_dense(x)


def mask(x: Tensor, bits: Tensor, low: float, high: float, to: Tensor | None, slope: float) -> None:
    """Which elements lie at or beyond a bound, a bit for each in the order of the memory of `x`.

    Args:
        x: any shape.
        bits: receives them, eight in a byte.
        low: lower bound.
        high: upper bound; infinity is no bound.
        to: receives `x`, times the slope where it lies beyond; may be `x` itself.
        slope: beyond the bounds.
    """
    out = None if to is None else to.data_ptr()
    bound = math.nan if high == math.inf else high  # nothing lies beyond that
    _run("passband_mask", x, out, bits, low, bound, slope)


def masked(x: Tensor, bits: Tensor, slope: float) -> Tensor:
    """A tensor, times the slope where a bit is set."""
    out = torch.empty_like(x)
    _run("passband_masked", x, out.data_ptr(), bits, 0.0, 0.0, slope)
    return out


def _run(
    name: str, x: Tensor, to: int | None, bits: Tensor, low: float, high: float, slope: float
) -> None:
    half = x.dtype == torch.bfloat16
    given = _Mask(x.data_ptr(), to, bits.data_ptr(), x.numel(), low, high, slope, half)
    call(name, given)


def _is_dense(x: Tensor) -> bool:
    """Whether its elements fill their memory, in whatever order of axes."""
    expected = 1
    for stride, size in sorted((s, n) for s, n in zip(x.stride(), x.shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return x.numel() > 0
