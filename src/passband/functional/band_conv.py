"""The public functional forms: arguments in, checked, planned, computed."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from passband.band import Band
from passband.functional.apply import apply
from passband.functional.arguments import Size, check_choices, check_tensors, read_arguments
from passband.functional.convolution import Convolve, convolve
from passband.functional.geometry import StrideMode
from passband.functional.padding import PaddingMode
from passband.functional.plan import PlanName


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
        >>> import torch
        >>> x, w = torch.randn(2, 3, 100), torch.randn(4, 3, 8)
        >>> band_conv1d(x, w, padding="same", band=Band(keep=0.5)).shape
        torch.Size([2, 4, 100])
    """
    options = (stride, padding, dilation, groups)
    modes = {"padding_mode": padding_mode, "stride_mode": stride_mode}
    return _dispatched(band_conv1d, input, weight, bias, *options, band=band, plan=plan, **modes)


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
    the input itself, whichever is smaller (with reflect and replicate padding, the padded input).

    Args:
        input: `(N, C, H, W)` or `(C, H, W)`, real floating point. Half precision is computed in
            float32 (bfloat16 in bfloat16, by the ways `"dft"`, `"spatial"` and `"fused"` where the
            device multiplies it) and returned in its own dtype.
        weight: `(O, C / groups, kH, kW)`.
        bias: `(O,)`.
        stride: as `F.conv2d`.
        padding: as `F.conv2d`: numbers, `"same"` or `"valid"`.
        dilation: as `F.conv2d`.
        groups: as `F.conv2d`.
        band: which frequencies to keep.
        plan: `"auto"` (cheapest by a cost model), `"fft"`, `"dft"`, `"spatial"`, `"fused"` (kernels
            made for the device: on a CPU compiled ones, on a GPU Triton's), or `"measure"` (the
            fastest when each is timed, once for each shape and machine).
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
        >>> import torch
        >>> from torch.nn import functional as F
        >>> x, w = torch.randn(2, 3, 32, 32), torch.randn(8, 3, 3, 3)
        >>> band_conv2d(x, w, padding=1, band=Band(keep=0.25)).shape
        torch.Size([2, 8, 32, 32])
        >>> torch.equal(band_conv2d(x, w, band=Band(keep=1)), F.conv2d(x, w))
        True
    """
    options = (stride, padding, dilation, groups)
    modes = {"padding_mode": padding_mode, "stride_mode": stride_mode}
    return _dispatched(band_conv2d, input, weight, bias, *options, band=band, plan=plan, **modes)


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
        >>> import torch
        >>> x, w = torch.randn(1, 2, 8, 8, 8), torch.randn(4, 2, 3, 3, 3)
        >>> band_conv3d(x, w, stride=2, band=Band(keep=0.5)).shape
        torch.Size([1, 4, 3, 3, 3])
    """
    options = (stride, padding, dilation, groups)
    modes = {"padding_mode": padding_mode, "stride_mode": stride_mode}
    return _dispatched(band_conv3d, input, weight, bias, *options, band=band, plan=plan, **modes)


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
        >>> import torch
        >>> x, w = torch.randn(2, 3, 50), torch.randn(3, 4, 8)
        >>> band_conv_transpose1d(x, w, stride=2, band=Band(keep=0.5)).shape
        torch.Size([2, 4, 106])
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _dispatched(band_conv_transpose1d, input, weight, bias, *options, band=band, plan=plan)


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
        >>> import torch
        >>> x, w = torch.randn(2, 3, 16, 16), torch.randn(3, 8, 4, 4)
        >>> band_conv_transpose2d(x, w, stride=2, padding=1, band=Band(keep=0.5)).shape
        torch.Size([2, 8, 32, 32])
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _dispatched(band_conv_transpose2d, input, weight, bias, *options, band=band, plan=plan)


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
        >>> import torch
        >>> x, w = torch.randn(1, 2, 4, 4, 4), torch.randn(2, 3, 2, 2, 2)
        >>> band_conv_transpose3d(x, w, stride=2, band=Band(keep=0.5)).shape
        torch.Size([1, 3, 8, 8, 8])
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _dispatched(band_conv_transpose3d, input, weight, bias, *options, band=band, plan=plan)


def _convolution(
    public: Callable[..., Tensor],
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    *,
    band: Band,
    plan: PlanName,
    padding_mode: PaddingMode,
    stride_mode: StrideMode,
    by: Convolve = convolve,
) -> Tensor:
    name, dims = public.__name__, _dims(public)
    check_choices(name, band, plan, padding_mode, stride_mode)
    check_tensors(name, dims, x, weight, bias)
    args = read_arguments(
        name, dims, weight.shape, stride, padding, dilation, groups,
        padding_mode=padding_mode, stride_mode=stride_mode,
    )  # fmt: skip
    return apply(args, x, weight, bias, band, plan, by=by)


def _transposed(
    public: Callable[..., Tensor],
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
    *,
    band: Band,
    plan: PlanName,
    by: Convolve = convolve,
) -> Tensor:
    name, dims = public.__name__, _dims(public)
    check_choices(name, band, plan)
    check_tensors(name, dims, x, weight, bias)
    args = read_arguments(
        name, dims, weight.shape, stride, padding, dilation, groups, output_padding,
        transposed=True,
    )  # fmt: skip
    return apply(args, x, weight, bias, band, plan, by=by)


FORMS: dict[Callable[..., Tensor], Callable[..., Tensor]] = {
    band_conv1d: _convolution, band_conv2d: _convolution, band_conv3d: _convolution,
    band_conv_transpose1d: _transposed, band_conv_transpose2d: _transposed,
    band_conv_transpose3d: _transposed,
}  # fmt: skip
"""What computes each public form: takes the form, the arguments as it hands them to who overrides
PyTorch's functions, and `by`, which computes as `convolve` does."""


def _dims(public: Callable[..., Tensor]) -> int:
    return int(public.__name__[-2])


def _dispatched(
    public: Callable[..., Tensor],
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *options: object,
    **named: object,
) -> Tensor:
    """What overrides PyTorch's functions comes first."""
    tensors = (x, weight, bias)
    if has_torch_function(tensors):
        out: Tensor = handle_torch_function(public, tensors, *tensors, *options, **named)
        return out
    return FORMS[public](public, *tensors, *options, **named)
