"""Convolution of a spectrum with filters given by their taps."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor

from passband.functional.arguments import Size, read_arguments
from passband.functional.convolution import with_mean
from passband.functional.filtering import filtered, filtered_back
from passband.functional.geometry import Geometry
from passband.functional.plan import Plan, make_plan
from passband.functional.spectral.held import Held
from passband.functional.spectral.spectrum import Spectrum, rings
from passband.functional.spectral.transform import check_spectrum
from passband.kernels import missing
from passband.transforms.fourier import Grid
from passband.transforms.layout import is_channels_last
from passband.transforms.precision import autocast_dtype, without_autocast
from passband.transforms.recording import check_followed, first_order, opaque


def spec_conv1d(
    spectrum: Spectrum,
    weight: Tensor,
    bias: Tensor | None = None,
    dilation: Size = 1,
    groups: int = 1,
) -> Spectrum:
    """Convolution of the spectrum of series; see `spec_conv2d`."""
    return _spec_conv("spec_conv1d", 1, spectrum, weight, bias, dilation, groups)


def spec_conv2d(
    spectrum: Spectrum,
    weight: Tensor,
    bias: Tensor | None = None,
    dilation: Size = 1,
    groups: int = 1,
) -> Spectrum:
    r"""Convolution of a spectrum: for each bin a product, summed over channels.

    .. math:: Y_{k,o} = \sum_c X_{k,c}\, \overline{W_{k,o,c}}

    with the spectrum W of the taps, centred as by `padding="same"` of `nn.Conv2d`. The maps of the
    result are those of `F.conv2d(x, weight, bias, padding="same")` where the margin takes up what
    wraps around (`margin_for`), and what it is on the ring where it does not. As `nn.Conv2d`, and
    unlike the paper's equation 2, it is a correlation: the same filters, mirrored and shifted.

    For backward it holds the weight and what the function before holds of the spectrum, a mask and
    packed values after a threshold. Filter spectra are computed when they are multiplied with.
    Gradients are exact; gradients of gradients raise.

    Args:
        spectrum: of maps `(N, C, H, W)`.
        weight: taps `(O, C / groups, kH, kW)`.
        bias: `(O,)`; it is added to DC.
        dilation: distance of the taps.
        groups: of channels.

    Returns:
        The spectrum of `(N, O, H, W)`, of the same sizes and dtype; under autocast to bfloat16, in
        bfloat16.

    Raises:
        TypeError: no `Spectrum`, no real floating-point weight.
        ValueError: a kernel that reaches around the whole ring.
        RuntimeError: axes, channels, dtypes or devices that do not fit.

    Source:
        Guan et al., "SpecNet: Spectral Domain Convolutional Neural Network", equation 2.

    Examples:
        >>> from passband.functional import to_space, to_spectrum
        >>> x, w = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
        >>> y = to_space(spec_conv2d(to_spectrum(x, margin=1), w))
        >>> of_maps = torch.nn.functional.conv2d(x, w, padding=1)
        >>> torch.testing.assert_close(y, of_maps, rtol=1e-4, atol=1e-5)
    """
    return _spec_conv("spec_conv2d", 2, spectrum, weight, bias, dilation, groups)


@opaque
def _spec_conv(
    name: str, dims: int, spectrum: Spectrum, weight: Tensor, bias: Tensor | None, dilation: Size,
    groups: int,
) -> Spectrum:  # fmt: skip
    check_spectrum(name, spectrum)
    check_followed(name)
    values = spectrum.values
    _check_tensors(name, dims, spectrum, weight, bias)
    args = read_arguments(name, dims, weight.shape, 1, "same", dilation, groups)
    _check_shapes(name, spectrum, weight, bias, args.dilation, groups)
    lower = autocast_dtype(values.device)
    plan = _plan(
        spectrum.lengths, args.dilation, args.padding, tuple(weight.shape), groups,
        torch.bfloat16 if lower == torch.bfloat16 else values.dtype, values.device.type,
    )  # fmt: skip
    if lower == torch.bfloat16:
        values = values.bfloat16()
    if torch.compiler.is_exporting():  # operations alone, whose gradients a program knows
        with without_autocast(values.device):
            out = filtered(values, weight, plan)
            mean = None if bias is None else bias.to(out.dtype) * spectrum.unit
            return spectrum.with_values(out if mean is None else with_mean(out, mean))
    held, unit = spectrum.held(), spectrum.unit
    out = _Convolve.apply(values, weight, bias, plan, unit, held)  # type: ignore[no-untyped-call]
    return spectrum.with_values(out, partial(_held, held, weight, bias, plan, unit, out.dtype))


def _held(
    held: Held, weight: Tensor, bias: Tensor | None, plan: Plan, unit: float, dtype: torch.dtype
) -> Held:
    """What is held of the output: what is of the input, and the parameters."""
    parameters = [t for t in (weight, bias) if t is not None]

    def restore(*tensors: Tensor) -> Tensor:
        at = len(tensors) - len(parameters_of)
        values = held_restore(*tensors[:at]).to(dtype)
        return _convolved(values, *tensors[at:], plan=plan, unit=unit)

    parameters_of, held_restore = range(len(parameters)), held.restore
    return Held((*held.tensors, *parameters), restore)


def _convolved(
    values: Tensor, weight: Tensor, bias: Tensor | None = None, *, plan: Plan, unit: float
) -> Tensor:
    with without_autocast(values.device), torch.no_grad():
        out = filtered(values, weight.detach(), plan)
        if bias is not None:
            out[0, 0].add_(bias.detach().to(out.dtype), alpha=unit)
    return out


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, unit: float,
        held: Held,
    ) -> Tensor:  # fmt: skip
        ctx.plan, ctx.unit, ctx.restore, ctx.dtype = plan, unit, held.restore, values.dtype
        ctx.weight_shape, ctx.weight_dtype = weight.shape, weight.dtype
        ctx.weight_last = is_channels_last(weight)
        ctx.bias_dtype = None if bias is None else bias.dtype
        needs_values, needs_weight = ctx.needs_input_grad[:2]
        ctx.save_for_backward(
            weight if needs_values else None, *(held.tensors if needs_weight else ())
        )
        return _convolved(values, weight, bias, plan=plan, unit=unit)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight, *tensors = ctx.saved_tensors
        grad_bias = None
        with without_autocast(grad.device):
            if ctx.bias_dtype is not None and ctx.needs_input_grad[2]:
                grad_bias = (grad[0, 0].sum(0) * ctx.unit).to(ctx.bias_dtype)
            values = ctx.restore(*tensors).to(ctx.dtype) if ctx.needs_input_grad[1] else None
            grads = filtered_back(
                grad.contiguous(), values, weight, ctx.plan, ctx.weight_shape, ctx.weight_dtype,
                ctx.weight_last,
            )  # fmt: skip
        return *grads, grad_bias, None, None, None


@lru_cache(maxsize=1024)
def _plan(
    lengths: tuple[int, ...], dilation: tuple[int, ...], padding: tuple[tuple[int, int], ...],
    weight: tuple[int, ...], groups: int, dtype: torch.dtype, device: str,
) -> Plan:  # fmt: skip
    taps = tuple(
        Grid(-before, d, k) for (before, _), d, k in zip(padding, dilation, weight[2:], strict=True)
    )
    axes = rings(lengths)
    target = tuple(axis.grid for axis in axes)
    geometry = Geometry(axes, taps, target, groups, transposed=False)
    asked = "fused" if missing(device) is None else "fft"
    return make_plan(geometry, asked, 1, weight[1] * groups, weight[0], dtype, device)


def _check_tensors(
    name: str, dims: int, spectrum: Spectrum, weight: Tensor, bias: Tensor | None
) -> None:
    values = spectrum.values
    for role, t in (("weight", weight), ("bias", bias)):
        if t is None and role == "bias":
            continue
        if not isinstance(t, Tensor) or not t.is_floating_point():
            given = t.dtype if isinstance(t, Tensor) else type(t).__name__
            raise TypeError(f"{name}: the {role} is a real floating-point tensor; got {given}")
        if t.device != values.device:
            raise RuntimeError(
                f"{name}: spectrum and {role} are on the same device; got {values.device} and "
                f"{t.device}"
            )
        if t.dtype != values.dtype and autocast_dtype(values.device) is None:
            hint = "; spectra of float16 are float32" if t.dtype == torch.float16 else ""
            raise RuntimeError(
                f"{name}: spectrum and {role} have the same dtype; got {values.dtype} and "
                f"{t.dtype}{hint}"
            )
    if len(spectrum.lengths) != dims or weight.dim() != dims + 2:
        raise RuntimeError(
            f"{name}: maps have {dims} space axes and the weight {dims + 2} in all; got maps "
            f"{spectrum.shape} and a weight {tuple(weight.shape)}"
        )


def _check_shapes(
    name: str, spectrum: Spectrum, weight: Tensor, bias: Tensor | None, dilation: tuple[int, ...],
    groups: int,
) -> None:  # fmt: skip
    outputs, inputs = weight.shape[:2]
    if spectrum.values.shape[3] != inputs * groups or outputs % groups or not outputs:
        raise RuntimeError(
            f"{name}: groups={groups} and a weight {tuple(weight.shape)} are for maps of "
            f"{inputs * groups} channels; got maps {spectrum.shape}"
        )
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise RuntimeError(f"{name}: the bias has shape ({outputs},); got {tuple(bias.shape)}")
    for k, d, L in zip(weight.shape[2:], dilation, spectrum.lengths, strict=True):
        if k < 1 or d * (k - 1) + 1 > L:
            raise ValueError(
                f"{name}: a kernel has taps on at most all points of the ring; a weight "
                f"{tuple(weight.shape)} with dilation {dilation} does not fit {spectrum.lengths} "
                f"points: a larger margin, or smaller kernels"
            )
