"""A checked convolution, planned and computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.band import Band
from passband.functional.arguments import Arguments, check_shapes
from passband.functional.convolution import Convolve, Ready, convolve
from passband.functional.convolution import ready as ready_convolution
from passband.functional.cost import Purpose
from passband.functional.energy import energy_modes
from passband.functional.filtering import Prepared
from passband.functional.geometry import Geometry, convolution_geometry, transposed_geometry
from passband.functional.measure import measured_plan
from passband.functional.padding import pad
from passband.functional.plan import Plan, PlanName, make_plan
from passband.transforms.precision import autocast_dtype
from passband.transforms.recording import recording

_DIRECT: dict[tuple[int, bool], Callable[..., Tensor]] = {
    (1, False): F.conv1d, (2, False): F.conv2d, (3, False): F.conv3d,
    (1, True): F.conv_transpose1d, (2, True): F.conv_transpose2d, (3, True): F.conv_transpose3d,
}  # fmt: skip


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

    `torch.compile` leaves it as it is: a compiler would see PyTorch's operations, not the kernels.
    """
    if torch.compiler.is_dynamo_compiling():
        return _uncompiled()(args, x, weight, bias, band, asked, prepared, by)
    batch, plan = prepare(args, x, weight, bias, band, asked, frozen=prepared is not None)
    # PyTorch pads a period, and an even kernel's "same", by a copy of the map, which it then holds.
    uneven = args.padding_mode == "zeros" and any(p != q for p, q in args.padding)
    if plan.direct and not uneven and args.padding_mode != "circular":
        y = _direct(args, batch, weight, bias)
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


def prepare(
    args: Arguments,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    band: Band,
    asked: PlanName,
    *,
    frozen: bool = False,
) -> tuple[Tensor, Plan]:
    """The map as it will be convolved, batched, cast and padded, and the plan for it.

    Raises:
        RuntimeError: `torch.jit.trace` looks on, which would not see what kernels compute.
    """
    if torch._C._get_tracing_state() is not None:
        raise RuntimeError(
            "torch.jit.trace cannot follow a band-limited convolution: turn the model back first "
            "with passband.revert_(model), or use torch.compile, which leaves such layers as they "
            "are"
        )
    purpose: Purpose = "frozen" if frozen else "inference"
    if recording() and (x.requires_grad or weight.requires_grad):
        purpose = "training"
    if x.dim() == args.dims + 1:
        x = x.unsqueeze(0)
    check_shapes(args, x.shape, weight.shape, None if bias is None else bias.shape)
    autocast = autocast_dtype(x.device)
    if autocast is not None and x.dtype != torch.float64:
        x = x.to(autocast)
    if args.padding_mode in ("reflect", "replicate"):
        x = pad(x, args.padding, args.padding_mode)
    geometry = _geometry(args, tuple(x.shape[2:]), tuple(weight.shape[2:]), band)
    if x.numel() == 0:
        geometry, asked = geometry.with_modes([L // 2 + 1 for L in geometry.lengths]), "auto"
    elif band.energy is not None:
        geometry = geometry.with_modes(energy_modes(x, geometry, band.energy))
    outputs = weight.shape[1] * args.groups if args.transposed else weight.shape[0]
    shape = (x.shape[0], x.shape[1], outputs, x.dtype)
    if asked == "measure":
        return x, measured_plan(geometry, *shape, x.device, purpose, weight.dtype)
    return x, make_plan(geometry, asked, *shape, x.device.type, purpose)


@lru_cache(maxsize=4096)
def _geometry(
    args: Arguments, size: tuple[int, ...], kernel: tuple[int, ...], band: Band
) -> Geometry:
    if args.transposed:
        symmetric = [before for before, _ in args.padding]
        return transposed_geometry(
            band, size, kernel, args.stride, symmetric, args.output_padding, args.dilation,
            args.groups,
        )  # fmt: skip
    # Reflections and repetitions are part of the map by now.
    padded = args.padding_mode in ("reflect", "replicate")
    return convolution_geometry(
        band, size, kernel, args.stride, ((0, 0),) * args.dims if padded else args.padding,
        args.dilation, args.groups, circular=args.padding_mode == "circular",
        stride_mode=args.stride_mode,
    )  # fmt: skip


def _direct(args: Arguments, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """PyTorch's own convolution, for the band that keeps everything."""
    function = _DIRECT[args.dims, args.transposed]
    symmetric = [before for before, _ in args.padding]
    if args.transposed:
        return function(
            x, weight, bias, args.stride, symmetric, args.output_padding, args.groups, args.dilation
        )
    if args.padding_mode != "zeros":
        symmetric = [0] * args.dims
    return function(x, weight, bias, args.stride, symmetric, args.dilation, args.groups)
