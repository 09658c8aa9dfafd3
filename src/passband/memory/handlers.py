"""PyTorch's functions, each by one that holds less for backward.

A handler is given the mode, the function, and the function's arguments, and computes the same. It
returns None where the function is to be left alone (not `NotImplemented`, which other modes of
`torch.overrides` take for their own failure).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.functional.band_conv import FORMS
from passband.functional.plan import Plan
from passband.memory import activation, combination, convolution, norm, pooling
from passband.memory.activation import Piecewise
from passband.memory.recomputed import recomputed
from passband.transforms.precision import autocast_dtype

if TYPE_CHECKING:
    from passband.memory.mode import MemoryMode

Function = Callable[..., Any]
Size = int | Sequence[int]


def _band_conv(mode: MemoryMode, func: Function, *args: Any, **options: Any) -> Tensor:
    def by(x: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, prepared: object) -> Tensor:
        return convolution.band_convolve(mode.recipes, mode.spectrum, x, weight, bias, plan)

    with mode:  # with every frequency kept it is an ordinary convolution
        out: Tensor = FORMS[func](func, *args, **options, by=by)
    return out


def _conv(
    mode: MemoryMode, func: Function, x: Tensor, weight: Tensor, bias: Tensor | None = None,
    stride: Size = 1, padding: Size | str = 0, dilation: Size = 1, groups: int = 1,
) -> Any:  # fmt: skip
    return _convolve(mode, x, weight, bias, stride, padding, dilation, False, 0, groups)


def _conv_transpose(
    mode: MemoryMode, func: Function, x: Tensor, weight: Tensor, bias: Tensor | None = None,
    stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1,
    dilation: Size = 1,
) -> Any:  # fmt: skip
    return _convolve(mode, x, weight, bias, stride, padding, dilation, True, output_padding, groups)


def _convolve(
    mode: MemoryMode, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Size,
    padding: Size | str, dilation: Size, transposed: bool, output_padding: Size, groups: int,
) -> Any:  # fmt: skip
    dims = weight.dim() - 2
    if isinstance(padding, str) or x.dim() != dims + 2 or x.numel() == 0:
        return None
    lower = autocast_dtype(x.device)
    if lower is not None and x.dtype != torch.float64:
        mode.recipes.wanted(weight)  # so its copy is computed again
        x, weight = _cast(mode, x, lower), _cast(mode, weight, lower)
        bias = None if bias is None else bias.to(lower)
    stride, padding, dilation, more = (
        _each(size, dims) for size in (stride, padding, dilation, output_padding)
    )
    how = stride, padding, dilation, transposed, more, groups
    return convolution.convolve(mode.recipes, mode.map, x, weight, bias, how)


def _cast(mode: MemoryMode, x: Tensor, dtype: torch.dtype) -> Tensor:
    return x if x.dtype == dtype else combination.cast(mode.recipes, x, dtype)


def _each(size: Size, dims: int) -> list[int]:
    return [size] * dims if isinstance(size, int) else [int(s) for s in size] * (dims // len(size))


def _batch_norm(
    mode: MemoryMode, func: Function, x: Tensor, running_mean: Tensor | None,
    running_var: Tensor | None, weight: Tensor | None = None, bias: Tensor | None = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    given = running_mean, running_var, weight, bias
    fits = x.dim() > 1 and x.numel() > x.shape[1] and eps > 0
    fits = fits and all(t is None or t.shape == x.shape[1:2] for t in given)
    if not fits or not (training or (running_mean is not None and running_var is not None)):
        return None  # PyTorch says what is wrong
    return norm.batch_norm(mode.recipes, mode.map, x, *given, training, momentum, eps)


def _normalised(
    mode: MemoryMode, func: Function, x: Tensor, sets: Any, weight: Tensor | None = None,
    bias: Tensor | None = None, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """A normalisation that has no statistics but those of its input."""
    if autocast_dtype(x.device) is not None:
        return None
    given = [p for p in (weight, bias) if p is not None]

    def function(x: Tensor, *parameters: Tensor) -> Tensor:
        left = iter(parameters)
        of_weight, of_bias = (None if p is None else next(left) for p in (weight, bias))
        out: Tensor = func(x, sets, of_weight, of_bias, eps)
        return out

    return recomputed(mode.recipes, mode.map, function, x, *given)


def _piecewise(kind: Piecewise, *, in_place: bool = False) -> Function:
    def handler(mode: MemoryMode, func: Function, x: Tensor, inplace: bool = False) -> Tensor:
        return activation.piecewise(mode.recipes, x, kind, in_place=inplace or in_place)

    return handler


def _hardtanh(
    mode: MemoryMode,
    func: Function,
    x: Tensor,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> Tensor:
    kind = Piecewise(partial(F.hardtanh, min_val=min_val, max_val=max_val), min_val, max_val)
    return activation.piecewise(mode.recipes, x, kind, in_place=inplace)


def _leaky_relu(
    mode: MemoryMode,
    func: Function,
    x: Tensor,
    negative_slope: float = 0.01,
    inplace: bool = False,
) -> Any:
    kind = Piecewise(
        partial(F.leaky_relu, negative_slope=negative_slope), 0.0, slope=negative_slope
    )
    return activation.piecewise(mode.recipes, x, kind, in_place=inplace)


def _smooth(mode: MemoryMode, func: Function, x: Tensor, /, *given: Any, **options: Any) -> Any:
    """An activation whose gradient needs its input."""
    if func is F.softplus and autocast_dtype(x.device) is not None:  # which widens it
        return None
    in_place = options.pop("inplace", False)
    if given and isinstance(given[-1], bool):  # as `torch.nn.functional` has it, last
        given, in_place = given[:-1], given[-1]

    def function(x: Tensor) -> Tensor:
        out: Tensor = func(x, *given, **options)
        return out

    return recomputed(mode.recipes, mode.map, function, x, in_place=in_place)


def _bounded(mode: MemoryMode, func: Function, x: Tensor) -> Any:
    """One whose gradient follows from its output, which the next layer may hold anyway."""
    return None if mode.recipes.of(x) is None else _smooth(mode, func, x)


def _mul(mode: MemoryMode, func: Function, x: Tensor, other: Any, **options: Any) -> Any:
    """A product of maps, as by the gate of a squeeze-and-excitation block."""
    if not isinstance(other, Tensor):
        return _followed(mode, func, x, other, **options)
    if options or x.dtype != other.dtype:
        return None
    if mode.recipes.of(x) is None and mode.recipes.of(other) is None:
        return None
    x, other = (x, other) if x.numel() >= other.numel() else (other, x)
    return recomputed(mode.recipes, mode.map, torch.mul, x, other)


def _add(mode: MemoryMode, func: Function, x: Tensor, other: Any, **options: Any) -> Any:
    if not isinstance(other, Tensor) or options:
        return None
    if (x.shape, x.dtype) != (other.shape, other.dtype):
        return None
    recipes = mode.recipes
    given = recipes.of(x), recipes.of(other)  # before `x` may be written to
    y = func(x, other)
    combination.follow(recipes, y, torch.add, given)
    return y


def _cat(
    mode: MemoryMode, func: Function, tensors: Sequence[Tensor], dim: int = 0, **options: Any
) -> Any:
    if options:
        return None
    y = func(tensors, dim)
    combination.concatenated(mode.recipes, mode.map, y, tensors, dim)
    return y


def _followed(mode: MemoryMode, func: Function, x: Tensor, /, *args: Any, **options: Any) -> Any:
    y = func(x, *args, **options)
    combination.follow(mode.recipes, y, lambda x: func(x, *args, **options), [mode.recipes.of(x)])
    return y


def _dropout(
    mode: MemoryMode, func: Function, x: Tensor, p: float = 0.5, training: bool = True,
    inplace: bool = False,
) -> Any:  # fmt: skip
    if inplace or not training or not 0 < p < 1:
        return None
    return activation.dropout(mode.recipes, x, p)


def _max_pool2d(
    mode: MemoryMode, func: Function, x: Tensor, kernel_size: Any, stride: Any = None,
    padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    stride = kernel_size if stride is None else stride
    window: Any = [tuple(_each(size, 2)) for size in (kernel_size, stride, padding, dilation)]
    whole = (*window, ceil_mode)
    if return_indices or not x.numel() or any(len(each) != 2 for each in window):
        return None
    if not pooling.fits(whole, x.shape[-2:]):
        return None
    return pooling.max_pool2d(mode.recipes, x, whole)


def _adaptive_max_pool2d(
    mode: MemoryMode, func: Function, x: Tensor, output_size: Any, return_indices: bool = False
) -> Any:
    """Where its windows are all alike; where they are not, they may overlap."""
    asked = [output_size] if isinstance(output_size, int) else output_size
    if x.dim() != 4 or not all(isinstance(side, int) and side > 0 for side in asked):
        return None
    sides = _each(asked, 2)
    if len(sides) != 2:
        return None
    if any(n % side for n, side in zip(x.shape[2:], sides, strict=True)):
        return None
    kernel = tuple(n // side for n, side in zip(x.shape[2:], sides, strict=True))
    return _max_pool2d(mode, func, x, kernel, return_indices=return_indices)


def _max_pool1d(
    mode: MemoryMode, func: Function, x: Tensor, kernel_size: Any, stride: Any = None,
    padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    if return_indices or x.dim() != 3:
        return None
    size, step, before, apart = (
        _each(size, 1)[0]
        for size in (kernel_size, kernel_size if stride is None else stride, padding, dilation)
    )
    of_rows = (1, size), (1, step), (0, before), (1, apart), ceil_mode
    rows = _followed(mode, torch.unsqueeze, x, 2)
    y = _max_pool2d(mode, func, rows, *of_rows)
    return None if y is None else _followed(mode, torch.squeeze, y, 2)


def _linear(mode: MemoryMode, func: Function, x: Tensor, /, *args: Any, **options: Any) -> Any:
    if autocast_dtype(x.device) is not None:  # backward is outside of it, with other dtypes
        return None
    return pooling.linear(mode.recipes, x, lambda x: func(x, *args, **options))


_RELU = Piecewise(torch.relu, 0.0)
HANDLERS: dict[Function, Function] = {
    **dict.fromkeys(FORMS, _band_conv),
    **dict.fromkeys((F.conv1d, F.conv2d, F.conv3d), _conv),
    **dict.fromkeys((F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d), _conv_transpose),
    F.batch_norm: _batch_norm,
    **dict.fromkeys((F.group_norm, F.layer_norm), _normalised),
    **dict.fromkeys((F.relu, torch.relu, Tensor.relu), _piecewise(_RELU)),
    **dict.fromkeys((F.relu_, torch.relu_, Tensor.relu_), _piecewise(_RELU, in_place=True)),
    F.relu6: _piecewise(Piecewise(F.relu6, 0.0, 6.0)),
    F.hardtanh: _hardtanh,
    F.leaky_relu: _leaky_relu,
    **dict.fromkeys(
        (
            F.silu, F.gelu, F.mish, F.hardswish, F.hardsigmoid, F.elu, F.celu, F.selu, F.softplus,
        ),
        _smooth,
    ),
    **dict.fromkeys((torch.sigmoid, Tensor.sigmoid, torch.tanh, Tensor.tanh), _bounded),
    **dict.fromkeys((torch.mul, Tensor.mul, Tensor.__mul__), _mul),
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.add_, Tensor.__iadd__), _add),
    **dict.fromkeys((torch.cat, torch.concat, torch.concatenate), _cat),
    **dict.fromkeys(
        (
            torch.permute, Tensor.permute, torch.transpose, Tensor.transpose, torch.movedim,
            Tensor.movedim, Tensor.contiguous, torch.flatten, Tensor.flatten, torch.reshape,
            Tensor.reshape, Tensor.view,
        ),
        _followed,
    ),
    F.dropout: _dropout,
    F.max_pool1d: _max_pool1d,
    F.max_pool2d: _max_pool2d,
    F.adaptive_max_pool2d: _adaptive_max_pool2d,
    **dict.fromkeys(
        (
            F.avg_pool1d, F.avg_pool2d, F.avg_pool3d,
            F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d,
            F.interpolate,
        ),
        _linear,
    ),
}  # fmt: skip
