"""The transforms of `transforms.fourier.dft`, computed by the kernels."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from passband.kernels.gpu.tiles import Direction, Problem
from passband.transforms.fourier.axis import Axis, Grid
from passband.transforms.fourier.bins import Norm, count, own_weight, pair_factor, phases
from passband.transforms.fourier.constants import constant
from passband.transforms.layout import is_channels_last
from passband.transforms.precision import compute_dtype

Layout = Literal["plain", "beside", "turned"]
"""How `analysis` lays a spectrum out: `(bins, 2, N, C)` as it stands; the same with real and
imaginary part of each map side by side, `(bins, N, 2, C)` in memory; or `(bins, 2, N, 2, C)`, as
`functional.product.turned` makes it, a and beside it -i a."""

_NONE = Axis(1, 1, Grid(0, 1, 1))  # in place of a last axis


def analysis(x: Tensor, axes: tuple[Axis, ...], norm: Norm, *, layout: Layout = "plain") -> Tensor:
    """Samples `(N, C, *counts)` to the kept half spectrum.

    Args:
        x: bfloat16, float16 or float32; channels first or last in memory.
        axes: ring, band and grid of each axis, one or two.
        norm: of the bins.
        layout: of the spectrum.

    Returns:
        `(bins, 2, N, C)`, or turned `(bins, 2, N, 2, C)`; bfloat16 of bfloat16, else float32.
    """
    from passband.kernels.gpu.launch import launch

    (n, c), bins = x.shape[:2], count(axes)
    last = is_channels_last(x)
    x = x if last else x.contiguous()
    dtype = compute_dtype(x.dtype, "dft", "cuda")
    spectrum = _room(layout, (bins, n, c), x, dtype)
    if x.numel() == 0:
        return spectrum
    # Maps of all images follow one another on both sides: one image of many channels.
    images, channels = (1, n * c) if not last and layout == "plain" else (n, c)
    single, pair = _weights(axes, norm)
    numbers = {
        "channels": channels, **_strides(spectrum), "turn_stride": spectrum.stride(3),
        "weight": pair, "own_weight": single,
    }  # fmt: skip
    fixed = {"LAST": last, "TURNED": layout == "turned"}
    problem, own, bases = _arguments("analysis", axes, spectrum)
    launch(problem, own, (x, spectrum, *bases), images, numbers, fixed)
    return spectrum


def adjoint(
    spectrum: Tensor,
    axes: tuple[Axis, ...],
    norm: Norm,
    *,
    last: bool,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The exact adjoint of `analysis`: `(bins, 2, N, C)` to `(N, C, *counts)`.

    Args:
        spectrum: bfloat16 or float32, `"plain"` or `"beside"` in memory (else it is copied).
        axes: ring, band and grid of each axis, one or two.
        norm: of the bins.
        last: whether the channels of the result shall lie last in memory.
        dtype: of the result, by default that of the spectrum.
    """
    from passband.kernels.gpu.launch import launch

    n, c = spectrum.shape[2:]
    computed = compute_dtype(spectrum.dtype, "dft", "cuda")
    spectrum = spectrum.to(computed)
    if spectrum.stride(3) != 1:
        spectrum = spectrum.contiguous()
    space = [axis.grid.count for axis in axes]
    if last:
        maps = spectrum.new_empty((n, *space, c), dtype=dtype or computed).movedim(-1, 1)
    else:
        maps = spectrum.new_empty((n, c, *space), dtype=dtype or computed)
    if maps.numel() == 0:
        return maps
    images, channels = (1, n * c) if not last and spectrum.stride(2) == c else (n, c)
    single, pair = _weights(axes, norm)
    numbers = {
        "channels": channels, **_strides(spectrum), "weight": pair, "own_ratio": single / pair,
    }  # fmt: skip
    problem, own, bases = _arguments("adjoint", axes, spectrum)
    launch(problem, own, (spectrum, maps, *bases), images, numbers, {"LAST": last})
    return maps


def _room(layout: Layout, sizes: tuple[int, int, int], like: Tensor, dtype: torch.dtype) -> Tensor:
    bins, n, c = sizes
    if layout == "beside":
        return like.new_empty((bins, n, 2, c), dtype=dtype).transpose(1, 2)
    shape = (bins, 2, n, 2, c) if layout == "turned" else (bins, 2, n, c)
    return like.new_empty(shape, dtype=dtype)


def _strides(spectrum: Tensor) -> dict[str, int]:
    of_bin, of_part, of_image = spectrum.stride()[:3]
    return {"bin_stride": of_bin, "part_stride": of_part, "image_stride": of_image}


def _arguments(
    direction: Direction, axes: tuple[Axis, ...], spectrum: Tensor
) -> tuple[Problem, tuple[int, int], tuple[Tensor, Tensor]]:
    """What to compile for, how many frequencies are their own mirror image, and the bases."""
    first, last = (*axes, _NONE)[:2]
    bases = [constant(_basis, (axis,), "none", spectrum) for axis in (first, last)]
    problem = _described(direction, axes, spectrum.itemsize)
    return problem, (first.own, last.own), (bases[0], bases[1])


@lru_cache(maxsize=4096)
def _described(direction: Direction, axes: tuple[Axis, ...], itemsize: int) -> Problem:
    first, last = (*axes, _NONE)[:2]
    return Problem(
        direction, first.grid.count, last.grid.count, first.modes, last.modes,
        flat=len(axes) == 1, itemsize=itemsize,
    )  # fmt: skip


def _weights(axes: tuple[Axis, ...], norm: Norm) -> tuple[float, float]:
    """Of a bin that is its own mirror image, and of one of a pair."""
    single = own_weight(axes, norm)
    return single, single * pair_factor(norm)


def _basis(axes: tuple[Axis, ...], norm: Norm, device: torch.device) -> Tensor:
    """`(2, modes, samples)`: cosine and minus sine of each frequency, in the order of `bins`."""
    return torch.stack(phases(axes, device))
