"""From a convolution's arguments to the map as it will be convolved, and the plan for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.band import Band
from passband.functional.arguments import Arguments, check_shapes
from passband.functional.cost import Purpose
from passband.functional.energy import energy_modes
from passband.functional.geometry import Geometry, convolution_geometry, transposed_geometry
from passband.functional.measure import measured_plan
from passband.functional.padding import pad
from passband.functional.plan import Plan, PlanName, exported, make_plan
from passband.transforms.precision import autocast_dtype
from passband.transforms.recording import recording
from passband.transforms.tracing import known

_DIRECT: dict[tuple[int, bool], Callable[..., Tensor]] = {
    (1, False): F.conv1d, (2, False): F.conv2d, (3, False): F.conv3d,
    (1, True): F.conv_transpose1d, (2, True): F.conv_transpose2d, (3, True): F.conv_transpose3d,
}  # fmt: skip


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
            "torch.jit.trace cannot follow a band-limited convolution: use torch.export or "
            "torch.compile, or turn the model back first with passband.revert_(model)"
        )
    purpose: Purpose = "frozen" if frozen else "inference"
    exporting = torch.compiler.is_exporting()
    if recording() and not exporting and (x.requires_grad or weight.requires_grad):
        purpose = "training"
    x = placed(args, x, weight, bias)
    channels, *space = map(int, x.shape[1:])  # of a tracer with symbols, too
    kernel = tuple(map(int, weight.shape[2:]))
    geometry = geometry_of(args, tuple(space), kernel, band)
    if x.numel() == 0:
        geometry, asked = geometry.with_modes([L // 2 + 1 for L in geometry.lengths]), "auto"
    elif band.energy is not None:
        geometry = geometry.with_modes(energy_modes(x, geometry, band.energy))
    shape = (known(x.shape[0]), channels, int(outputs_of(args, weight)), x.dtype)
    if asked == "measure" and not exporting:
        return x, measured_plan(geometry, *shape, x.device, purpose, weight.dtype)
    named: PlanName = "auto" if asked == "measure" else asked
    plan = make_plan(geometry, named, *shape, x.device.type, purpose)
    return x, exported(plan, named) if exporting else plan


def placed(args: Arguments, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The map batched, in the dtype of an autocast in force, and padded in space if need be.

    Raises:
        RuntimeError: shapes that do not go together.
    """
    if x.dim() == args.dims + 1:
        x = x.unsqueeze(0)
    check_shapes(args, x.shape, weight.shape, None if bias is None else bias.shape)
    autocast = autocast_dtype(x.device)
    if autocast is not None and x.dtype != torch.float64:
        x = x.to(autocast)
    if args.padding_mode in ("reflect", "replicate"):
        x = pad(x, args.padding, args.padding_mode)
    return x


def outputs_of(args: Arguments, weight: Tensor) -> int:
    """Output channels."""
    return weight.shape[1] * args.groups if args.transposed else weight.shape[0]


@lru_cache(maxsize=4096)
def geometry_of(
    args: Arguments, size: tuple[int, ...], kernel: tuple[int, ...], band: Band
) -> Geometry:
    """Of the convolution of a map, placed, of this size."""
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


def is_direct(args: Arguments, plan: Plan) -> bool:
    """Whether PyTorch's own convolution computes it, and holds no more than ours would."""
    # PyTorch pads a period, and an even kernel's "same", by a copy of the map, which it then holds.
    uneven = args.padding_mode == "zeros" and any(p != q for p, q in args.padding)
    return plan.direct and not uneven and args.padding_mode != "circular"


def direct(args: Arguments, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """PyTorch's own convolution of a map, placed, for the band that keeps everything."""
    function = _DIRECT[args.dims, args.transposed]
    symmetric = [before for before, _ in args.padding]
    if args.transposed:
        return function(
            x, weight, bias, args.stride, symmetric, args.output_padding, args.groups, args.dilation
        )
    if args.padding_mode != "zeros":
        symmetric = [0] * args.dims
    return function(x, weight, bias, args.stride, symmetric, args.dilation, args.groups)
