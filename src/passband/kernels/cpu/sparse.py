"""Spectra of which small coefficients are 0, and a bit for each coefficient tells, compiled."""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

from passband.kernels.cpu.call import call, loaded
from passband.kernels.cpu.library import library
from passband.kernels.cpu.transform import DTYPES, is_real

ACTIVATIONS = "identity", "tanh", "softsign", "hardtanh", "softshrink", "relu", "arctan"
"""Of a part of a coefficient; `activations.h` counts them in the same order."""

Activation = tuple[str, str]
"""Of the real part and of the imaginary part."""

POWER = 125  # of two, at most: its reciprocal is float32's, too

_LANES = 16  # of the widest vectors, which may begin at the last channel


class _Sparse(ctypes.Structure):
    """`sparse.c` declares the same."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("from", "to", "bits", "values", "scale", "shift")),
        ("starts", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("count", "plane", "channels", "kept")),
        *((name, ctypes.c_float) for name in ("unit", "least")),
        *((name, ctypes.c_int32) for name in ("real", "imaginary", "half", "half_values")),
    ]


def settles(z: Tensor, activation: Activation) -> bool:
    """Whether these kernels take such a spectrum `(bins, 2, N, C)` and such activations."""
    known = all(name in ACTIVATIONS for name in activation)
    return known and is_spectrum(z)


def is_spectrum(z: Tensor) -> bool:
    """Whether these kernels take a tensor: whole, in real memory."""
    there = library() is not None and z.dtype in DTYPES and is_real(z)
    return there and z.ndim == 4 and z.is_contiguous() and z.numel() > 0


def reads(mask: Tensor, values: Tensor) -> bool:
    """Whether these kernels read such a mask and kept coefficients."""
    there = library() is not None and is_real(mask) and is_real(values)
    whole = mask.is_contiguous() and values.is_contiguous()
    return there and whole and mask.numel() > 0 and values.dtype in (*DTYPES, torch.uint8)


def settle(
    z: Tensor, scale: Tensor | None, shift: Tensor | None, beta: float, activation: Activation
) -> tuple[Tensor, Tensor]:
    """The activations of the coefficients that are not small, and which those are.

    Args:
        z: `(bins, 2, N, C)`.
        scale: `(C,)`, float32, of all coefficients.
        shift: `(C,)`, float32, added to the scaled mean, the real part of bin 0.
        beta: magnitude of the least coefficient that is kept. What is no number is kept, too.
        activation: of the real part and of the imaginary part.

    Returns:
        As `z`, 0 where nothing is kept; and a bit for each coefficient in the order `(bins, N, C)`.
    """
    assert (scale is None) == (shift is None)
    y, count = torch.empty_like(z), z.numel() // 2
    mask = torch.empty(-(-count // 8), dtype=torch.uint8)
    C = z.shape[-1]
    tables = tuple(None if table is None else repeated(table, C) for table in (scale, shift))
    unit = unit_for(beta)
    least = (beta * unit) ** 2 if math.isfinite(beta) else beta
    given = _given(
        z.shape, z, y, mask, tables=tables, unit=unit, least=least, activation=activation
    )
    _run("passband_settle", given)
    return y, mask


def unit_for(beta: float) -> float:
    """A power of two that brings a threshold near 1, or its square might be 0 or infinite."""
    exponent = math.frexp(min(beta, sys.float_info.max))[1]
    return math.ldexp(1.0, -min(max(exponent, -POWER), POWER))


def kept(mask: Tensor, count: int) -> int:
    """How many of the first bits are set."""
    assert mask.dtype == torch.uint8
    assert mask.is_contiguous()
    assert mask.numel() * 8 >= count
    function = loaded().passband_kept
    function.restype = ctypes.c_int64
    return int(function(ctypes.byref(_Sparse(bits=mask.data_ptr(), count=count))))


def pack(y: Tensor, mask: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """The kept coefficients in their order.

    Args:
        y: `(bins, 2, N, C)`.
        mask: which are kept.
        dtype: of the result, by default as `y`.

    Returns:
        `(2, kept)`: real parts, then imaginary parts.
    """
    values = torch.empty(2, kept(mask, y.numel() // 2), dtype=dtype or y.dtype)
    _run("passband_compress", _given(y.shape, y, None, mask, values))
    return values


def unpack(mask: Tensor, values: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """The spectrum of this shape with these coefficients where a bit is set, and 0 elsewhere."""
    out = torch.empty(tuple(shape), dtype=dtype)
    _run("passband_settle_back", _given(out.shape, None, out, mask, values))
    return out


def settle_back(grad: Tensor, mask: Tensor, values: Tensor, activation: Activation) -> Tensor:
    """The gradient of what `settle` activated, before its scale.

    Args:
        grad: `(bins, 2, N, C)`, of the result.
        mask: which coefficients are kept.
        values: `(2, kept)`, what they became, of which the slopes are computed.
        activation: of the real part and of the imaginary part.
    """
    out = torch.empty_like(grad)
    given = _given(grad.shape, grad, out, mask, values, activation=activation)
    _run("passband_settle_back", given)
    return out


def select(x: Tensor, mask: Tensor) -> Tensor:
    """A spectrum `(bins, 2, N, C)` where a bit is set, and 0 elsewhere."""
    out = torch.empty_like(x)
    _run("passband_select", _given(x.shape, x, out, mask))
    return out


def repeated(channels: Tensor, count: int) -> Tensor:
    """`(C,)` with the first numbers once more, so that a vector may begin at any channel."""
    assert channels.dtype == torch.float32
    assert channels.shape == (count,)
    return torch.cat([channels] * (1 + -(-_LANES // count)))


def _given(
    shape: Sequence[int], source: Tensor | None, target: Tensor | None, mask: Tensor,
    values: Tensor | None = None, tables: tuple[Tensor | None, ...] = (None, None),
    unit: float = 1.0, least: float = 0.0, activation: Activation = ("identity", "identity"),
) -> _Sparse:  # fmt: skip
    bins, parts, N, C = shape
    like = target if source is None else source
    assert like is not None
    assert parts == 2
    assert mask.numel() == -(-bins * N * C // 8)
    assert mask.dtype == torch.uint8
    assert values is None or (len(values) == 2 and values.ndim == 2)
    numbers = [t for t in (source, target, values) if t is not None]
    assert all(t.dtype in DTYPES for t in numbers)
    assert all(t.is_contiguous() for t in (mask, *numbers))
    given = (source, target, mask, values, *tables)
    at = (None if t is None else t.data_ptr() for t in given)
    count = 0 if values is None else values.shape[1]
    kinds = (ACTIVATIONS.index(name) for name in activation)
    halves = like.dtype == torch.bfloat16, values is not None and values.dtype == torch.bfloat16
    return _Sparse(*at, None, bins * N * C, N * C, C, count, unit, least, *kinds, *halves)


def _run(name: str, given: _Sparse) -> None:
    if call(name, given) < 0:
        raise ValueError(f"there are {given.kept} values, and not as many bits")
