"""The transforms of `transforms.fourier.dft`, compiled."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from passband.kernels.cpu.call import call
from passband.kernels.cpu.library import library
from passband.kernels.cpu.tables import tables
from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.bins import Norm, count
from passband.transforms.fourier.constants import CACHED_ENTRIES
from passband.transforms.layout import empty, is_channels_last

DTYPES = (torch.float32, torch.bfloat16)
_PLAIN = (Tensor, torch.nn.Parameter)


class Maps(ctypes.Structure):
    """Maps and their spectrum in memory; `transform.h` declares the same."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("maps", "spectrum")),
        *((name, ctypes.c_int64) for name in ("images", "channels", "image", "map", "sample")),
        *((name, ctypes.c_int64) for name in ("bin_stride", "part_stride", "image_stride")),
        ("half", ctypes.c_int32),
    ]


def fits(axes: Sequence[Axis], dtype: torch.dtype) -> bool:
    """Whether there are compiled transforms along these axes, whose tables are worth keeping."""
    small = len(axes) <= 2 and all(a.modes * a.grid.count <= CACHED_ENTRIES for a in axes)
    return library() is not None and dtype in DTYPES and small


def supports(x: Tensor, axes: Sequence[Axis]) -> bool:
    """Whether they transform this map, or to it this spectrum: it must lie in real memory."""
    return fits(axes, x.dtype) and is_real(x)


def is_real(x: Tensor) -> bool:
    """Whether a tensor is memory of this process, and nothing but the kernel needs to see it."""
    followed = torch.compiler.is_compiling() or is_in_torch_dispatch_mode()
    followed = followed or torch._C._are_functorch_transforms_active()
    followed = followed or forward_ad._current_level >= 0
    return type(x) in _PLAIN and x.is_cpu and not x.is_neg() and not followed


def analysis(x: Tensor, axes: tuple[Axis, ...], norm: Norm) -> Tensor:
    """Samples `(N, C, *counts)` to the kept half spectrum `(bins, 2, N, C)`."""
    x = x if is_channels_last(x) else x.contiguous()
    spectrum = x.new_empty(count(axes), 2, *x.shape[:2])
    call("passband_analysis", tables(axes, norm), maps_of(x, spectrum))
    return spectrum


def adjoint(spectrum: Tensor, axes: tuple[Axis, ...], norm: Norm, *, last: bool) -> Tensor:
    """The exact adjoint of `analysis`: `(bins, 2, N, C)` to `(N, C, *counts)`."""
    spectrum = spectrum.contiguous()
    x = empty_maps(spectrum, axes, last=last)
    call("passband_adjoint", tables(axes, norm), maps_of(x, spectrum))
    return x


def empty_maps(spectrum: Tensor, axes: tuple[Axis, ...], *, last: bool) -> Tensor:
    """Room for the maps `(N, C, *counts)` of a spectrum `(bins, 2, N, C)`."""
    shape = [*spectrum.shape[2:], *(axis.grid.count for axis in axes)]
    return empty(spectrum, shape, last=last)


def maps_of(x: Tensor, spectrum: Tensor) -> Maps:
    """Where maps, channels first or last, and their spectrum lie."""
    n, c = x.shape[:2]
    at, half = (x.data_ptr(), spectrum.data_ptr()), x.dtype == torch.bfloat16
    of_bin, of_part, of_image, _ = spectrum.stride()
    if is_channels_last(x):
        return Maps(*at, n, c, x.stride(0), 1, c, of_bin, of_part, of_image, half)
    # Maps of all images follow one another on both sides: one image of many channels.
    return Maps(*at, 1, n * c, 0, math.prod(x.shape[2:]), 1, of_bin, of_part, 0, half)
