"""The product of spectra with filters given by their taps, compiled.

These are `functional.product`'s, but take a weight in place of its spectra, which are computed when
they are multiplied with and never lie in memory as a whole.
"""

from __future__ import annotations

import ctypes
import math
import mmap
from contextlib import suppress

import torch
from torch import Tensor

from passband.kernels.cpu.call import call, loaded
from passband.kernels.cpu.tables import tables
from passband.kernels.cpu.transform import fits, is_real
from passband.transforms.fourier.axis import Axis
from passband.transforms.layout import is_channels_last

_MOST_TAPS = 64
_LARGE_PAGE = 2 << 20


class Product(ctypes.Structure):
    """A product of spectra; `product.h` declares the same."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("source", "target", "weight", "packed")),
        *((name, ctypes.c_int64) for name in ("rows", "inner", "lanes")),
        *((name, ctypes.c_int64) for name in ("lane_stride", "inner_stride", "tap_stride")),
        *((name, ctypes.c_int32) for name in ("conjugate", "half", "parts")),
    ]


class _Gradient(ctypes.Structure):
    """The gradient of a weight; `gradient.c` declares the same."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("outer", "inner", "weight")),
        *((name, ctypes.c_int64) for name in ("rows", "outers", "lanes")),
        *((name, ctypes.c_int64) for name in ("outer_stride", "lane_stride", "tap_stride")),
        *((name, ctypes.c_int32) for name in ("half", "chunk")),
    ]


def takes_taps(axes: tuple[Axis, ...], groups: int) -> bool:
    """Whether the products take filters on these axes; many taps are better transformed."""
    return groups == 1 and math.prod(axis.grid.count for axis in axes) <= _MOST_TAPS


def multiplies(axes: tuple[Axis, ...], groups: int, *spectra: Tensor) -> bool:
    """Whether there are compiled products of such spectra with filters on these axes."""
    return takes_taps(axes, groups) and all(fits(axes, t.dtype) and is_real(t) for t in spectra)


def packed(weight: Tensor, axes: tuple[Axis, ...], *, back: bool) -> Tensor:
    """The weight in the order that `multiply`, or `multiply_back`, reads it in."""
    weight = _laid(weight)
    product = product_of(weight, back=back)
    band, kernels = tables(axes, "none"), loaded()
    vectors = kernels.passband_packed(ctypes.byref(band), ctypes.byref(product))
    room = _room(vectors * kernels.passband_lanes())
    product.packed = room.data_ptr()
    call("passband_pack", band, product)
    return room


def _room(numbers: int) -> Tensor:
    """Room for floats, on large pages: of small ones a processor reads a third less a second."""
    size = 4 * numbers
    if size < _LARGE_PAGE:
        return torch.empty(numbers, dtype=torch.float32, device="cpu")
    try:
        pages = mmap.mmap(-1, size + _LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"no {size} bytes for the taps of a layer") from error
    with suppress(OSError):  # a system without them
        pages.madvise(mmap.MADV_HUGEPAGE)
    room = torch.frombuffer(pages, dtype=torch.float32)
    first = -room.data_ptr() % _LARGE_PAGE // 4  # one starts where a large page does
    return room[first : first + numbers]


def multiply(
    source: Tensor, weight: Tensor, axes: tuple[Axis, ...], packed_weight: Tensor | None = None
) -> Tensor:
    """S Fᵀ: `(bins, 2, N, C)` and the spectra of weight `(O, C, *taps)` to `(bins, 2, N, O)`."""
    return _multiply(source, weight, axes, packed_weight, back=False)


def multiply_back(
    target: Tensor, weight: Tensor, axes: tuple[Axis, ...], packed_weight: Tensor | None = None
) -> Tensor:
    """T conj(F): `(bins, 2, N, O)` and those of weight `(O, C, *taps)` to `(bins, 2, N, C)`."""
    return _multiply(target, weight, axes, packed_weight, back=True)


def _multiply(
    x: Tensor, weight: Tensor, axes: tuple[Axis, ...], room: Tensor | None, *, back: bool
) -> Tensor:
    weight, x = _laid(weight), x.contiguous()
    product = product_of(weight, back=back)
    out = x.new_empty(*x.shape[:3], product.lanes)
    product.source, product.target = x.data_ptr(), out.data_ptr()
    product.packed = None if room is None else room.data_ptr()
    product.rows, product.half = x.shape[2], x.dtype == torch.bfloat16
    call("passband_multiply", tables(axes, "none"), product)
    return out


def multiply_across(
    target: Tensor, source: Tensor, axes: tuple[Axis, ...], *, last: bool
) -> Tensor:
    """Tᵀ conj(S) at the taps: the weight's gradient `(O, C, *taps)`, in float32.

    Args:
        target: `(bins, 2, N, O)`.
        source: `(bins, 2, N, C)`.
        axes: of the filters.
        last: whether the channels of the result shall lie last in memory.
    """
    target, source = target.contiguous(), source.contiguous()
    rows, o, c = *target.shape[2:], source.shape[3]
    taps = [axis.grid.count for axis in axes]
    shape = (o, *taps, c) if last else (o, c, *taps)
    weight = target.new_empty(shape, dtype=torch.float32)
    weight = weight.movedim(-1, 1) if last else weight
    at, strides = (target.data_ptr(), source.data_ptr(), weight.data_ptr()), _strides(weight)
    gradient = _Gradient(*at, rows, o, c, *strides, target.dtype == torch.bfloat16)
    call("passband_gradient", tables(axes, "none"), gradient)
    return weight


def _laid(weight: Tensor) -> Tensor:
    """A weight as the kernels read it: channels first or last in memory."""
    weight = weight.float()
    return weight if is_channels_last(weight) else weight.contiguous()


def _strides(weight: Tensor) -> tuple[int, int, int]:
    """Of outputs, inputs and taps, which are one row of them."""
    c, taps = weight.shape[1], math.prod(weight.shape[2:])
    return (c * taps, 1, c) if is_channels_last(weight) else (c * taps, taps, 1)


def product_of(weight: Tensor, *, back: bool) -> Product:
    """Channels of a product, and where the weight has them."""
    of_output, of_input, of_tap = _strides(weight)
    of_outputs, of_inputs = (weight.shape[0], of_output), (weight.shape[1], of_input)
    lanes, inner = (of_inputs, of_outputs) if back else (of_outputs, of_inputs)
    return Product(
        weight=weight.data_ptr(), inner=inner[0], lanes=lanes[0], lane_stride=lanes[1],
        inner_stride=inner[1], tap_stride=of_tap, conjugate=back,
    )  # fmt: skip
