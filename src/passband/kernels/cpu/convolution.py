"""A whole convolution as one call of the library."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from passband.kernels.cpu.call import check, loaded
from passband.kernels.cpu.product import Product, product_of, takes_taps
from passband.kernels.cpu.tables import tables
from passband.kernels.cpu.transform import Maps, empty_maps, fits, is_real, maps_of
from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.bins import count
from passband.transforms.layout import is_channels_last

_NAME = "passband_convolve"
_Pointer = ctypes.c_void_p


class _Convolution(ctypes.Structure):
    """What all calls have in common; `convolution.c` declares the same."""

    _fields_ = [
        *((name, _Pointer) for name in ("source", "filter", "target")),
        ("maps", Maps), ("results", Maps), ("product", Product), ("mean", _Pointer),
    ]  # fmt: skip


def convolves(x: Tensor, weight: Tensor, axes: tuple[tuple[Axis, ...], ...], groups: int) -> bool:
    """Whether there is a compiled convolution of such maps, with these axes of map and filters."""
    dense = x.is_contiguous() or is_channels_last(x)
    real = dense and x.numel() > 0 and is_real(x) and is_real(weight)
    return real and all(fits(a, x.dtype) for a in axes) and takes_taps(axes[1], groups)


class Convolution:
    """The convolution of maps of one shape, dtype and memory format, ready to run.

    Args:
        like: such maps.
        weight: `(O, C, *taps)`; with `back` that of the convolution to go back through.
        packed: the weight as `product.packed` returns it.
        mean: what is added to the first bin of each output's spectrum, `(outputs,)`, or None.
        axes: of the maps, the filters, and the outputs.
        back: whether to go back.
    """

    def __init__(
        self,
        like: Tensor,
        weight: Tensor,
        packed: Tensor,
        mean: Tensor | None,
        axes: tuple[tuple[Axis, ...], tuple[Axis, ...], tuple[Axis, ...]],
        *,
        back: bool,
    ) -> None:
        n, inputs = like.shape[:2]
        product = product_of(weight, back=back)
        product.weight, product.packed, product.rows = None, packed.data_ptr(), n
        product.half = like.dtype == torch.bfloat16
        like = like.to("meta")
        source = like.new_empty(count(axes[0]), 2, n, inputs)
        target = like.new_empty(count(axes[2]), 2, n, product.lanes)
        out = empty_maps(target, axes[2], last=is_channels_last(like))
        bands = tables(axes[0], "parseval"), tables(axes[1], "none"), tables(axes[2], "parseval")
        mean = None if mean is None else mean.float().contiguous()
        self._held = packed, mean, bands
        self._this = _Convolution(
            *map(ctypes.addressof, bands), maps_of(like, source), maps_of(out, target), product,
            None if mean is None else mean.data_ptr(),
        )  # fmt: skip
        self._out = out.shape, out.stride()
        self._room, self._target = source.numel() + target.numel(), source.nbytes
        self._run = loaded()[_NAME]
        self._run.argtypes = (*[_Pointer] * 5, ctypes.c_int)

    def __call__(self, x: Tensor) -> Tensor:
        """The results for maps that lie in memory as `like` does."""
        room, out = x.new_empty(self._room), x.new_empty_strided(*self._out)
        this, at, threads = ctypes.addressof(self._this), room.data_ptr(), torch.get_num_threads()
        failed = self._run(this, x.data_ptr(), at, at + self._target, out.data_ptr(), threads)
        check(_NAME, threads, failed)
        return out
