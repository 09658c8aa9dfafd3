"""The public functional forms: arguments in, checked, planned, computed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache, partial
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from passband.band import Band
from passband.functional.arguments import (
    Arguments,
    Size,
    check_choices,
    check_shapes,
    check_tensors,
    read_arguments,
)
from passband.functional.convolution import convolve
from passband.functional.cost import Way
from passband.functional.energy import energy_modes
from passband.functional.geometry import (
    Geometry,
    StrideMode,
    convolution_geometry,
    transposed_geometry,
)
from passband.functional.padding import PaddingMode, pad
from passband.functional.plan import Plan, PlanName, fastest, make_plan
from passband.transforms.precision import autocast_dtype

_DIRECT: dict[tuple[int, bool], Callable[..., Tensor]] = {
    (1, False): F.conv1d, (2, False): F.conv2d, (3, False): F.conv3d,
    (1, True): F.conv_transpose1d, (2, True): F.conv_transpose2d, (3, True): F.conv_transpose3d,
}  # fmt: skip


def band_conv1d(
    input: Tensor,  # noqa: A002 - the name in torch.nn.functional
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    band: Band,
    plan: PlanName = "auto",
    padding_mode: PaddingMode = "zeros",
    stride_mode: StrideMode = "sample",
) -> Tensor:
    """Band-limited `F.conv1d`; see `band_conv2d`.

    Examples:
        >>> x, w = torch.randn(2, 3, 100), torch.randn(4, 3, 8)
        >>> band_conv1d(x, w, padding="same", band=Band(keep=0.5)).shape
        torch.Size([2, 4, 100])
    """
    options = (stride, padding, dilation, groups, band, plan, padding_mode, stride_mode)
    return _convolution(band_conv1d, 1, input, weight, bias, *options)


def band_conv2d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    band: Band,
    plan: PlanName = "auto",
    padding_mode: PaddingMode = "zeros",
    stride_mode: StrideMode = "sample",
) -> Tensor:
    r"""Band-limited `F.conv2d`: input and filter spectra are cut to the band, and gradients too.

    .. math:: Y = (X \cdot M) \cdot \overline{(W \cdot M)}

    summed over the group's input channels, where X and W are spectra on rings just long enough
    that `Band(keep=1)` is the ordinary convolution, and M is the band. The gradients are exactly
    those of this function. Autograd holds the weight, and the kept half spectrum of the input or
    the input itself, whichever is smaller.

    Args:
        input: `(N, C, H, W)` or `(C, H, W)`, real floating point. Half precision is computed in
            float32 and returned in its own dtype.
        weight: `(O, C / groups, kH, kW)`.
        bias: `(O,)`.
        stride: as `F.conv2d`.
        padding: as `F.conv2d`: numbers, `"same"` or `"valid"`.
        dilation: as `F.conv2d`.
        groups: as `F.conv2d`.
        band: which frequencies to keep.
        plan: `"auto"` (cheapest by a cost model), `"fft"`, `"dft"`, `"spatial"`, or `"measure"`
            (the fastest when each is timed, once for each shape).
        padding_mode: `"zeros"`, `"circular"` (the map is one period), `"reflect"`, `"replicate"`.
        stride_mode: `"sample"` takes every stride-th output; `"spectral"` first drops the
            frequencies that the strided grid cannot represent, so that nothing aliases.

    Returns:
        `(N, O, H', W')`, shaped as `F.conv2d` would.

    Raises:
        RuntimeError: shapes, dtypes or devices that do not go together, as in PyTorch; a band
            stated as an energy that was not calibrated.
        TypeError: integer or complex tensors, sizes that are not whole numbers.
        ValueError: more modes than an axis has, an unknown plan or mode.

    Source:
        Dziedzic et al., "Band-limited Training and Inference for Convolutional Neural Networks",
        ICML 2019, section 3.

    Examples:
        >>> x, w = torch.randn(2, 3, 32, 32), torch.randn(8, 3, 3, 3)
        >>> band_conv2d(x, w, padding=1, band=Band(keep=0.25)).shape
        torch.Size([2, 8, 32, 32])
        >>> torch.equal(band_conv2d(x, w, band=Band(keep=1)), F.conv2d(x, w))
        True
    """
    options = (stride, padding, dilation, groups, band, plan, padding_mode, stride_mode)
    return _convolution(band_conv2d, 2, input, weight, bias, *options)


def band_conv3d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    band: Band,
    plan: PlanName = "auto",
    padding_mode: PaddingMode = "zeros",
    stride_mode: StrideMode = "sample",
) -> Tensor:
    """Band-limited `F.conv3d`; see `band_conv2d`.

    Examples:
        >>> x, w = torch.randn(1, 2, 8, 8, 8), torch.randn(4, 2, 3, 3, 3)
        >>> band_conv3d(x, w, stride=2, band=Band(keep=0.5)).shape
        torch.Size([1, 4, 3, 3, 3])
    """
    options = (stride, padding, dilation, groups, band, plan, padding_mode, stride_mode)
    return _convolution(band_conv3d, 3, input, weight, bias, *options)


def band_conv_transpose1d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    band: Band,
    plan: PlanName = "auto",
) -> Tensor:
    """Band-limited `F.conv_transpose1d`; see `band_conv_transpose2d`.

    Examples:
        >>> x, w = torch.randn(2, 3, 50), torch.randn(3, 4, 8)
        >>> band_conv_transpose1d(x, w, stride=2, band=Band(keep=0.5)).shape
        torch.Size([2, 4, 106])
    """
    options = (stride, padding, output_padding, groups, dilation, band, plan)
    return _transposed(band_conv_transpose1d, 1, input, weight, bias, *options)


def band_conv_transpose2d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    band: Band,
    plan: PlanName = "auto",
) -> Tensor:
    """Band-limited `F.conv_transpose2d`: the exact adjoint of `band_conv2d` on its output's size.

    Args:
        input: `(N, C, H, W)` or `(C, H, W)`, real floating point.
        weight: `(C, O / groups, kH, kW)`.
        bias: `(O,)`.
        stride: as `F.conv_transpose2d`.
        padding: as `F.conv_transpose2d`.
        output_padding: as `F.conv_transpose2d`.
        groups: as `F.conv_transpose2d`.
        dilation: as `F.conv_transpose2d`.
        band: which frequencies to keep, of the output's ring.
        plan: as `band_conv2d`.

    Returns:
        `(N, O, H', W')`, shaped as `F.conv_transpose2d` would.

    Raises:
        RuntimeError, TypeError, ValueError: as `band_conv2d`.

    Examples:
        >>> x, w = torch.randn(2, 3, 16, 16), torch.randn(3, 8, 4, 4)
        >>> band_conv_transpose2d(x, w, stride=2, padding=1, band=Band(keep=0.5)).shape
        torch.Size([2, 8, 32, 32])
    """
    options = (stride, padding, output_padding, groups, dilation, band, plan)
    return _transposed(band_conv_transpose2d, 2, input, weight, bias, *options)


def band_conv_transpose3d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    band: Band,
    plan: PlanName = "auto",
) -> Tensor:
    """Band-limited `F.conv_transpose3d`; see `band_conv_transpose2d`.

    Examples:
        >>> x, w = torch.randn(1, 2, 4, 4, 4), torch.randn(2, 3, 2, 2, 2)
        >>> band_conv_transpose3d(x, w, stride=2, band=Band(keep=0.5)).shape
        torch.Size([1, 3, 8, 8, 8])
    """
    options = (stride, padding, output_padding, groups, dilation, band, plan)
    return _transposed(band_conv_transpose3d, 3, input, weight, bias, *options)


def _convolution(
    public: Callable[..., Tensor],
    dims: int,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    band: Band,
    plan: PlanName,
    padding_mode: PaddingMode,
    stride_mode: StrideMode,
) -> Tensor:
    tensors = tuple(t for t in (x, weight, bias) if isinstance(t, Tensor))
    if has_torch_function(tensors):
        out: Tensor = handle_torch_function(
            public, tensors, x, weight, bias, stride, padding, dilation, groups,
            band=band, plan=plan, padding_mode=padding_mode, stride_mode=stride_mode,
        )  # fmt: skip
        return out
    name = public.__name__
    check_choices(name, band, plan, padding_mode, stride_mode)
    check_tensors(name, dims, x, weight, bias)
    args = read_arguments(
        name, dims, weight.shape, stride, padding, dilation, groups,
        padding_mode=padding_mode, stride_mode=stride_mode,
    )  # fmt: skip
    return _batched(args, x, weight, bias, band, plan)


def _transposed(
    public: Callable[..., Tensor],
    dims: int,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
    band: Band,
    plan: PlanName,
) -> Tensor:
    tensors = tuple(t for t in (x, weight, bias) if isinstance(t, Tensor))
    if has_torch_function(tensors):
        out: Tensor = handle_torch_function(
            public, tensors, x, weight, bias, stride, padding, output_padding, groups, dilation,
            band=band, plan=plan,
        )  # fmt: skip
        return out
    name = public.__name__
    check_choices(name, band, plan, "zeros", "sample")
    check_tensors(name, dims, x, weight, bias)
    args = read_arguments(
        name, dims, weight.shape, stride, padding, dilation, groups, output_padding,
        transposed=True,
    )  # fmt: skip
    return _batched(args, x, weight, bias, band, plan)


def _batched(
    args: Arguments, x: Tensor, weight: Tensor, bias: Tensor | None, band: Band, asked: PlanName
) -> Tensor:
    batch, plan = prepare(args, x, weight, bias, band, asked)
    if plan.direct or batch.numel() == 0:
        y = _direct(args, batch, weight, bias)
    else:
        y = convolve(batch, weight, bias, plan)
    return y if x.dim() == batch.dim() else y.squeeze(0)


def prepare(
    args: Arguments, x: Tensor, weight: Tensor, bias: Tensor | None, band: Band, asked: PlanName
) -> tuple[Tensor, Plan]:
    """The map as it will be convolved, batched, cast and padded, and the plan for it."""
    if x.dim() == args.dims + 1:
        x = x.unsqueeze(0)
    check_shapes(args, x.shape, weight.shape, None if bias is None else bias.shape)
    autocast = autocast_dtype(x.device)
    if autocast is not None and x.dtype != torch.float64:
        x = x.to(autocast)
    if args.padding_mode in ("reflect", "replicate"):
        x = pad(x, args.padding, args.padding_mode)
    geometry = _geometry(args, tuple(x.shape[2:]), tuple(weight.shape[2:]), band)
    if band.energy is not None and x.numel():
        geometry = geometry.with_modes(energy_modes(x, geometry, band.energy))
    outputs = weight.shape[1] * args.groups if args.transposed else weight.shape[0]
    shape = (x.shape[0], x.shape[1], outputs, x.dtype)
    plan = make_plan(geometry, asked, *shape, x.device.type)
    measurable = asked == "measure" and x.numel()
    return x, _measure(geometry, *shape, x.device) if measurable else plan


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
    if args.padding_mode == "circular":
        x = pad(x, args.padding, "circular")
    if args.padding_mode != "zeros":
        symmetric = [0] * args.dims
    elif any(before != after for before, after in args.padding):
        # Only an even kernel's "same" pads unevenly, and PyTorch knows how.
        return function(x, weight, bias, 1, "same", args.dilation, args.groups)
    return function(x, weight, bias, args.stride, symmetric, args.dilation, args.groups)


@lru_cache(maxsize=1024)
def _measure(
    geometry: Geometry,
    batch: int,
    inputs: int,
    outputs: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Plan:
    """The fastest way to do forward and backward, timed in turn on random data."""
    space = [axis.grid.count for axis in geometry.source]
    taps = [grid.count for grid in geometry.taps]
    pair = (inputs, outputs) if geometry.transposed else (outputs, inputs)
    ways: tuple[Way, ...] = ("fft", "dft", "spatial")
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.randn(batch, inputs, *space, dtype=dtype, device=device, requires_grad=True)
        w = torch.randn(pair[0], pair[1] // geometry.groups, *taps, dtype=dtype, device=device)
        w.requires_grad_()
        shape = (batch, inputs, outputs, dtype, device.type)
        plans = {way: make_plan(geometry, way, *shape) for way in ways}
        runs = {way: partial(_seconds, x, w, plans[way]) for way in ways}
        for run in runs.values():
            run()
        times: dict[Way, list[float]] = {way: [] for way in ways}
        for _ in range(5):
            for way, run in runs.items():
                times[way].append(run())
    return fastest(plans, {way: median(seconds) for way, seconds in times.items()})


def _seconds(x: Tensor, weight: Tensor, plan: Plan) -> float:
    def wait() -> None:
        if x.device.type != "cpu":
            torch.accelerator.synchronize()

    wait()
    start = time.perf_counter()
    y: Any = convolve(x, weight, None, plan)
    torch.autograd.grad(y.sum(), (x, weight))
    wait()
    return time.perf_counter() - start
