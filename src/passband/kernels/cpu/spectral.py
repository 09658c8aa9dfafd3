"""Sums over spectra for each channel, and sums of spectra, compiled."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from passband.kernels.cpu.call import call
from passband.kernels.cpu.sparse import is_spectrum, repeated


class _Spectra(ctypes.Structure):
    """`spectral.c` declares the same."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("g", "z", "a", "b", "c", "sums", "partial")),
        *((name, ctypes.c_int64) for name in ("rows", "constant", "single", "channels", "width")),
        ("half", ctypes.c_int32),
    ]


def energy(z: Tensor, own: int) -> Tensor:
    """Sum of all squares for each channel, `(C,)` in float32.

    Args:
        z: `(bins, 2, N, C)`.
        own: of so many bins, the first, a square counts once, of the others twice.
    """
    sums = torch.empty(z.shape[-1], dtype=torch.float32)
    _run("passband_sums", z, own, sums=sums)
    return sums


def dot(g: Tensor, z: Tensor) -> Tensor:
    """Sum of the products for each channel, `(C,)` in float32."""
    sums = torch.empty(z.shape[-1], dtype=torch.float32)
    _run("passband_sums", z, z.shape[0], g=g, sums=sums)
    return sums


def combine_(g: Tensor, z: Tensor, own: int, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Makes `g` a·g + b·z, b twice for all bins but the first `own`, plus c for the means.

    Args:
        g: `(bins, 2, N, C)`.
        z: as `g`.
        own: bins that count once.
        a: `(C,)`, float32, as are b and c.
        b: factor of `z`.
        c: added to the real part of bin 0.
    """
    tables = [repeated(table, z.shape[-1]) for table in (a, b, c)]
    _run("passband_combine", z, own, g=g, tables=tables)
    return g


def _run(
    name: str, z: Tensor, own: int, g: Tensor | None = None, tables: list[Tensor] | None = None,
    sums: Tensor | None = None,
) -> None:  # fmt: skip
    assert is_spectrum(z)
    assert g is None or (is_spectrum(g) and g.dtype == z.dtype and g.shape == z.shape)
    bins, _, N, C = z.shape
    a, b, c = (t.data_ptr() for t in tables) if tables else (None, None, None)
    at = z.data_ptr(), a, b, c, None if sums is None else sums.data_ptr(), None
    rows, single = 2 * N * bins, 2 * N * own
    half = z.dtype == torch.bfloat16
    given = _Spectra(None if g is None else g.data_ptr(), *at, rows, N, single, C, 0, half)
    call(name, given)
