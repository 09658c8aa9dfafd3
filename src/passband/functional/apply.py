"""A checked convolution, planned and computed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from passband.band import Band
from passband.functional.arguments import Arguments
from passband.functional.convolution import Convolve, Ready, convolve
from passband.functional.convolution import ready as ready_convolution
from passband.functional.filtering import Prepared
from passband.functional.operators import band_conv
from passband.functional.plan import PlanName
from passband.functional.preparation import direct, is_direct, prepare


def apply(
    args: Arguments,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    band: Band,
    asked: PlanName,
    prepared: Prepared | None = None,
    by: Convolve = convolve,
) -> Tensor:
    """The band-limited convolution of a map, batched or not; see `convolve` for `prepared`.

    Under `torch.compile` it is an operator, which prepares nothing ahead; but function transforms
    do not look into an operator, and break the graph.
    """
    if torch.compiler.is_dynamo_compiling():
        if torch._C._are_functorch_transforms_active():
            return _uncompiled()(args, x, weight, bias, band, asked, prepared, by)
        return band_conv(args, x, weight, bias, band, asked)
    batch, plan = prepare(args, x, weight, bias, band, asked, frozen=prepared is not None)
    if is_direct(args, plan):
        y = direct(args, batch, weight, bias)
    else:
        y = by(batch, weight, bias, plan, prepared)
    return y if x.dim() == batch.dim() else y.squeeze(0)


def _uncompiled() -> Callable[..., Tensor]:
    disabled: Callable[..., Tensor] = torch.compiler.disable(apply)
    return disabled


def ready(
    args: Arguments,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    band: Band,
    asked: PlanName,
    prepared: Prepared,
) -> Ready:
    """`apply` for maps of the shape, dtype and memory format of `x`, without gradients."""
    batch, plan = prepare(args, x, weight, bias, band, asked, frozen=True)
    # Of an energy each map has a band of its own; the others are another map by now.
    if band.energy is not None or plan.direct or batch.shape != x.shape:
        return lambda x: apply(args, x, weight, bias, band, asked, prepared)
    run, dtype = ready_convolution(batch, weight, bias, plan, prepared), batch.dtype
    return run if dtype == x.dtype else lambda x: run(x.to(dtype))
