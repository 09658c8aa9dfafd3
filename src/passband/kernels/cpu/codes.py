"""Numbers in a few bits each, compiled; `packing.codes` says what the codes mean."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from passband.kernels.cpu.call import call
from passband.kernels.cpu.library import library
from passband.kernels.cpu.transform import DTYPES, is_real

GROUP = 64
"""Numbers that share a least one and a step; `codes.c` defines the same."""


class _Codes(ctypes.Structure):
    """`codes.c` declares the same."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("from", "base", "to", "codes", "scales", "noise")),
        *((name, ctypes.c_int64) for name in ("count", "period", "first")),
        *((name, ctypes.c_int32) for name in ("bits", "half")),
    ]


def quantises(x: Tensor) -> bool:
    """Whether these kernels take such a tensor."""
    there = library() is not None and x.dtype in DTYPES and is_real(x)
    return there and x.is_contiguous() and x.numel() > 0


def quantise(
    x: Tensor, base: Tensor | None, codes: Tensor, scales: Tensor, noise: Tensor, first: int,
    bits: int,
) -> None:  # fmt: skip
    """Write codes and scales of what `x` differs by from the base."""
    _run("passband_quantise", x, None, base, codes, scales, noise, first, bits)


def dequantise(
    codes: Tensor, scales: Tensor, noise: Tensor, first: int, bits: int, base: Tensor | None,
    out: Tensor,
) -> None:  # fmt: skip
    """Write the base and what codes stand for to `out`, which may be the base."""
    _run("passband_dequantise", None, out, base, codes, scales, noise, first, bits)


def _run(
    name: str, x: Tensor | None, out: Tensor | None, base: Tensor | None, codes: Tensor,
    scales: Tensor, noise: Tensor, first: int, bits: int,
) -> None:  # fmt: skip
    like = out if x is None else x
    assert like is not None
    assert base is None or (base.dtype == like.dtype and base.is_contiguous())
    assert noise.dtype == torch.float32
    source, under, target = (None if t is None else t.data_ptr() for t in (x, base, out))
    at = source, under, target, codes.data_ptr(), scales.data_ptr(), noise.data_ptr()
    half = like.dtype == torch.bfloat16
    given = _Codes(*at, like.numel(), noise.numel() - GROUP, first, bits, half)
    call(name, given)
