"""The convolution as PyTorch's compiler sees it: one operator, and one for its gradients.

A compiler would see PyTorch's operations, not the kernels, and hold what it likes. So Dynamo is
given `band_conv`, which consists of what follows: the map placed as in eager mode, by operations
that are the compiler's, and `convolve`, into which nobody looks. Its gradients are those of eager
mode, and so is what is held: the weight and, where that is smaller, the kept half spectrum.

The batch may be a symbol; space is not, since a band is so many bins. A plan is made once, for the
batch that was seen while compiling: what is held must not depend on the batch that comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor
from torch.library import Library, register_autograd, register_fake

from passband.band import Band, FFTSize
from passband.functional.arguments import Arguments
from passband.functional.convolution import How, from_held, gradients, held_of
from passband.functional.cost import Purpose
from passband.functional.energy import energy_modes
from passband.functional.geometry import StrideMode
from passband.functional.padding import PaddingMode
from passband.functional.plan import Plan, PlanName, make_plan
from passband.functional.preparation import direct, geometry_of, is_direct, outputs_of, placed
from passband.transforms.fourier import adjoint, count
from passband.transforms.layout import empty, is_channels_last, laid_out
from passband.transforms.precision import compute_dtype
from passband.transforms.recording import recording
from passband.transforms.tracing import known

_ARGUMENTS = (
    "int[] stride, int[] padding, int[] dilation, int groups, int[] output_padding, "
    "bool transposed, str padding_mode, str stride_mode, float[]? keep, float[]? cutoff, "
    "int[]? modes, float? energy, bool dynamic, str fft_size, str plan"
)
_library = Library("passband", "DEF")
_library.define(f"band_conv(Tensor input, Tensor weight, Tensor? bias, {_ARGUMENTS}) -> Tensor")
_library.define(
    f"convolve(Tensor input, Tensor weight, Tensor? bias, {_ARGUMENTS}, int batch, bool last, "
    "bool training) -> (Tensor, Tensor)"
)
_library.define(
    f"convolve_backward(Tensor grad, Tensor? held, Tensor weight, Tensor? bias, {_ARGUMENTS}, "
    "int batch, bool last, SymInt[] size, bool[] wanted) -> (Tensor, Tensor, Tensor)"
)


def band_conv(
    args: Arguments, x: Tensor, weight: Tensor, bias: Tensor | None, band: Band, asked: PlanName
) -> Tensor:
    """The convolution as one node of a graph, its arguments in plain sight."""
    keep, cutoff, modes = (
        value if value is None or isinstance(value, tuple) else (value,)
        for value in (band.keep, band.cutoff, band.modes)
    )
    # A measurement cannot be had while compiling.
    plan = "auto" if asked == "measure" else asked
    y: Tensor = torch.ops.passband.band_conv(
        x, weight, bias, args.stride, [p for pair in args.padding for p in pair], args.dilation,
        args.groups, args.output_padding, args.transposed, args.padding_mode, args.stride_mode,
        keep, cutoff, modes, band.energy, band.dynamic, band.fft_size, plan,
    )  # fmt: skip
    return y


@dataclass(frozen=True)
class _Given:
    """What an operator was given beside tensors, as the library has it."""

    args: Arguments
    band: Band
    asked: PlanName

    @classmethod
    def read(
        cls,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
        output_padding: Sequence[int],
        transposed: bool,
        padding_mode: str,
        stride_mode: str,
        keep: Sequence[float] | None,
        cutoff: Sequence[float] | None,
        modes: Sequence[int] | None,
        energy: float | None,
        dynamic: bool,
        fft_size: str,
        plan: str,
    ) -> _Given:
        pairs = tuple(zip(padding[::2], padding[1::2], strict=True))
        args = Arguments(
            "band_conv", tuple(stride), pairs, tuple(dilation), groups, tuple(output_padding),
            cast("PaddingMode", padding_mode), cast("StrideMode", stride_mode), transposed,
        )  # fmt: skip
        shares: list[Any] = [
            None if value is None else value[0] if len(value) == 1 else tuple(value)
            for value in (keep, cutoff, modes)
        ]
        band = Band(
            keep=shares[0], cutoff=shares[1], modes=shares[2], energy=energy, dynamic=dynamic,
            fft_size=cast("FFTSize", fft_size),
        )  # fmt: skip
        return cls(args, band, cast("PlanName", plan))

    def plan(
        self,
        size: Sequence[int],
        weight: Tensor,
        dtype: torch.dtype,
        batch: int,
        training: bool,
        x: Tensor | None = None,
    ) -> Plan:
        """For maps, placed, of this size; a band of some energy is that of `x`, if it is given."""
        purpose: Purpose = "training" if training else "inference"
        # Channels and space may be symbols, too, until they are asked for.
        inputs, *space = (int(n) for n in size[1:])
        kernel = tuple(int(n) for n in weight.shape[2:])
        outputs = int(outputs_of(self.args, weight))
        geometry, asked = geometry_of(self.args, tuple(space), kernel, self.band), self.asked
        if batch == 0:
            geometry, asked = geometry.with_modes([L // 2 + 1 for L in geometry.lengths]), "auto"
        elif x is not None and self.band.energy is not None:
            geometry = geometry.with_modes(energy_modes(x, geometry, self.band.energy))
        shape = (batch, inputs, outputs, dtype)
        plan = make_plan(geometry, asked, *shape, weight.device.type, purpose)
        # How many bins have an energy is known too late to hold just those.
        return plan if self.band.energy is None else replace(plan, holds="map")


def _band_conv(x: Tensor, weight: Tensor, bias: Tensor | None, *stated: Any) -> Tensor:
    given = _Given.read(*stated)
    training = recording() and (x.requires_grad or weight.requires_grad)
    batch = placed(given.args, x, weight, bias)
    seen = known(batch.shape[0])
    plan = given.plan(batch.shape, weight, batch.dtype, seen, training)
    if given.band.energy is None and is_direct(given.args, plan):
        y = direct(given.args, batch, weight, bias)
    else:
        how = seen, is_channels_last(batch), training
        y, _ = torch.ops.passband.convolve(batch, weight, bias, *stated, *how)
    return y if x.dim() == batch.dim() else y.squeeze(0)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, *call: Any) -> tuple[Tensor, ...]:
    *stated, batch, last, training = call
    plan = _Given.read(*stated).plan(x.shape, weight, x.dtype, batch, training, x)
    held = held_of(x, plan)
    y = from_held(held, weight, bias, How(plan, x.dtype, last))
    keeps = training and plan.holds == "spectrum"
    return laid_out(y, last=last), held if keeps else x.new_empty(0)


def _convolve_on_no_data(
    x: Tensor, weight: Tensor, bias: Tensor | None, *call: Any
) -> tuple[Tensor, ...]:
    *stated, batch, last, training = call
    given = _Given.read(*stated)
    plan = given.plan(x.shape, weight, x.dtype, batch, training)
    outputs = [a.grid.count for a in plan.geometry.target_axes]
    y = empty(x, [x.shape[0], outputs_of(given.args, weight), *outputs], last=last)
    keeps = training and plan.holds == "spectrum"
    shape, dtype = _of_held(plan, x.shape, x.dtype, x.device)
    return y, x.new_empty(shape, dtype=dtype) if keeps else x.new_empty(0)


def _of_held(
    plan: Plan, size: Sequence[int], dtype: torch.dtype, device: torch.device
) -> tuple[tuple[int, ...], torch.dtype]:
    """Shape and dtype of what is held of a map."""
    if plan.holds == "map":
        return tuple(size), dtype
    spectral = compute_dtype(dtype, plan.transform, device.type)
    return (count(plan.geometry.source), 2, size[0], size[1]), spectral


@dataclass(frozen=True)
class _Context:
    """What `gradients` reads of an autograd function's context."""

    plan: Plan
    dtype: torch.dtype
    last: bool
    weight_shape: torch.Size
    weight_dtype: torch.dtype
    weight_last: bool
    held_shape: tuple[int, ...]
    held_dtype: torch.dtype
    bias_dtype: torch.dtype | None
    needs_input_grad: Sequence[bool]


def _convolve_backward(
    grad: Tensor, held: Tensor | None, weight: Tensor, bias: Tensor | None, *call: Any
) -> tuple[Tensor, ...]:
    *stated, batch, last, size, wanted = call
    given = _Given.read(*stated)
    plan = given.plan(size, weight, grad.dtype, batch, True, held)
    weight_last = is_channels_last(weight)
    context = _Context(
        plan, grad.dtype, last, weight.shape, weight.dtype, weight_last,
        *_of_held(plan, size, grad.dtype, grad.device),
        None if bias is None else bias.dtype, wanted,
    )  # fmt: skip
    of_held, of_weight, of_bias = gradients(
        context, grad, held if wanted[1] else None, weight if wanted[0] else None
    )
    if of_held is not None and plan.holds == "spectrum":
        of_held = adjoint(
            of_held, plan.geometry.source, plan.transform, dtype=grad.dtype, last=last
        )
    none = grad.new_empty(0)
    return (
        none if of_held is None else laid_out(of_held, last=last),
        none if of_weight is None else laid_out(of_weight, last=weight_last),
        none if of_bias is None else of_bias,
    )


def _convolve_backward_on_no_data(
    grad: Tensor, held: Tensor | None, weight: Tensor, bias: Tensor | None, *call: Any
) -> tuple[Tensor, ...]:
    *_, last, size, wanted = call
    none = grad.new_empty(0)
    return (
        empty(grad, size, last=last) if wanted[0] else none,
        empty(weight, weight.shape, last=is_channels_last(weight)) if wanted[1] else none,
        torch.empty_like(bias) if wanted[2] and bias is not None else none,
    )


def _set_up(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, weight, bias, *ctx.stated, ctx.batch, ctx.last, _ = inputs
    # Of a band of some energy the map says which frequencies it has.
    held = output[1] if output[1].dim() > 1 else x
    needed = ctx.needs_input_grad[1] or _Given.read(*ctx.stated).band.energy is not None
    ctx.save_for_backward(held if needed else None, weight, bias)
    ctx.size = x.shape


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Any, ...]:
    wanted = list(ctx.needs_input_grad[:3])
    found = torch.ops.passband.convolve_backward(
        grad, *ctx.saved_tensors, *ctx.stated, ctx.batch, ctx.last, ctx.size, wanted
    )
    grads = [g if want else None for g, want in zip(found, wanted, strict=True)]
    return *grads, *[None] * (len(ctx.stated) + 3)


def _no_second_backward(ctx: Any, *grads: Tensor) -> None:
    raise RuntimeError(
        "a compiled band-limited convolution has no gradients of gradients: call the layer without "
        "torch.compile"
    )


_library.impl("band_conv", _band_conv, "CompositeImplicitAutograd")
_library.impl("convolve", _convolve, "CompositeExplicitAutograd")
_library.impl("convolve_backward", _convolve_backward, "CompositeExplicitAutograd")
register_fake("passband::convolve", _convolve_on_no_data, lib=_library)
register_fake("passband::convolve_backward", _convolve_backward_on_no_data, lib=_library)
register_autograd("passband::convolve", _backward, setup_context=_set_up, lib=_library)
register_autograd("passband::convolve_backward", _no_second_backward, lib=_library)
