"""Maps in fewer samples, with the frequencies that those can have; to a compiler one operator."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor
from torch.library import Library, register_autograd, register_fake

from passband.transforms.fourier import Axis, Grid, adjoint, analysis
from passband.transforms.layout import empty, is_channels_last

_library = Library("passband", "FRAGMENT")
_library.define("resample(Tensor maps, int[] space, int[] size, bool back, bool last) -> Tensor")


def resampled(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps `(N, C, *space)` in so many samples of each axis, at most as many as they have."""
    given = [int(n) for n in maps.shape[2:]], [int(n) for n in size], False, is_channels_last(maps)
    # Function transforms do not look into an operator.
    traced = torch.compiler.is_dynamo_compiling()
    if traced and not torch._C._are_functorch_transforms_active():
        y: Tensor = torch.ops.passband.resample(maps, *given)
        return y
    return _resample(maps, *given)


def _resample(
    maps: Tensor, space: Sequence[int], size: Sequence[int], back: bool, last: bool
) -> Tensor:
    # The mode o // 2 is the small size's Nyquist frequency: on its grid ±o/2 are one and add up.
    axes = [Axis(n, o // 2 + 1, Grid(0, 1, n)) for n, o in zip(space, size, strict=True)]
    small = [a.on(Grid(0, Fraction(a.length, o), o)) for a, o in zip(axes, size, strict=True)]
    there, here = (small, axes) if back else (axes, small)
    return adjoint(analysis(maps, there), here, dtype=maps.dtype, last=last)


def _resample_on_no_data(
    maps: Tensor, space: Sequence[int], size: Sequence[int], back: bool, last: bool
) -> Tensor:
    return empty(maps, [*maps.shape[:2], *(space if back else size)], last=last)


def _set_up(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    maps, ctx.space, ctx.size, ctx.back, _ = inputs
    ctx.last = is_channels_last(maps)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    of_maps = torch.ops.passband.resample(grad, ctx.space, ctx.size, not ctx.back, ctx.last)
    return of_maps, None, None, None, None


_library.impl("resample", _resample, "CompositeExplicitAutograd")
register_fake("passband::resample", _resample_on_no_data, lib=_library)
register_autograd("passband::resample", _backward, setup_context=_set_up, lib=_library)
