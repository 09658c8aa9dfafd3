"""PyTorch's functions, while a model runs, by others that hold less for backward.

Modules and functional code alike go through PyTorch's functions, which a mode of `torch.overrides`
sees. Each that holds something and has a counterpart here is computed by that; all others are left
alone, and stay right.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode, handle_torch_function, has_torch_function

from passband.functional.band_conv import FORMS
from passband.functional.plan import Plan
from passband.memory import activation, combination, convolution, norm, pooling, store
from passband.memory.activation import Piecewise
from passband.memory.policy import MemoryPolicy
from passband.memory.recipe import Recipes, Stored
from passband.transforms.precision import autocast_dtype

Function = Callable[..., Any]


class MemoryMode(TorchFunctionMode):
    """Functions that hold less, for one forward pass.

    Args:
        policy: what is kept.
        chance: decides what is rounded at random.
    """

    def __init__(self, policy: MemoryPolicy, chance: random.Random) -> None:
        super().__init__()
        self.policy = policy
        self.recipes = Recipes(most=policy.convolutions)
        self.spectrum: Stored = store.exact if policy.spectra == "exact" else store.rounded
        self.map: Stored = store.exact
        if policy.maps == "low band":
            self.map = partial(store.low_band, chance)

    def __torch_function__(
        self,
        func: Function,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        handler = HANDLERS.get(func)
        if handler is not None and torch.is_grad_enabled() and _plain(args):
            out = _seen(handler, self, func, *args, **kwargs)
            if out is not None:
                return out
        return func(*args, **kwargs)


def _seen(handler: Function, mode: MemoryMode, func: Function, *args: Any, **options: Any) -> Any:
    """What a handler computes, for other modes to see as they would see the function.

    None if it leaves the arguments to the function; other modes would refuse `NotImplemented`.
    """
    tensors = _tensors(args)
    if has_torch_function(tensors):
        return handle_torch_function(handler, tensors, mode, func, *args, **options)
    return handler(mode, func, *args, **options)


def _tensors(args: tuple[Any, ...]) -> tuple[Tensor, ...]:
    given = args[0] if args and isinstance(args[0], tuple | list) else args
    return tuple(t for t in given if isinstance(t, Tensor))


def _plain(args: tuple[Any, ...]) -> bool:
    """Whether tensors are memory and no more, some wants a gradient, and only autograd follows."""
    if _followed():
        return False
    tensors = _tensors(args)
    real = all(type(t) in (Tensor, nn.Parameter) and t.is_floating_point() for t in tensors)
    real = real and not any(t.is_inference() for t in tensors)
    return real and any(t.requires_grad for t in tensors)


def _followed() -> bool:
    """Whether a compiler, a tracer, a function transform or activation checkpointing looks on.

    Checkpointing holds nothing in a region and runs it a second time, not always in this mode; both
    times the same must be saved.
    """
    hooks = torch._C._autograd._top_saved_tensors_default_hooks(True)
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or torch._C._get_tracing_state() is not None
        or forward_ad._current_level >= 0
        or (hooks is not None and hooks[0].__module__ == torch.utils.checkpoint.__name__)
    )


def _band_conv(mode: MemoryMode, func: Function, *args: Any, **options: Any) -> Tensor:
    def by(x: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, prepared: object) -> Tensor:
        return convolution.band_convolve(mode.recipes, mode.spectrum, x, weight, bias, plan)

    with mode:  # with every frequency kept it is an ordinary convolution
        out: Tensor = FORMS[func](func, *args, **options, by=by)
    return out


def _conv(
    mode: MemoryMode,
    func: Function,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Any:
    dims = weight.dim() - 2
    if isinstance(padding, str) or x.dim() != dims + 2 or x.numel() == 0:
        return None
    lower = autocast_dtype(x.device)
    if lower is not None and x.dtype != torch.float64:
        x = _cast(mode, x, lower)
        weight, bias = weight.to(lower), None if bias is None else bias.to(lower)
    each = _each(stride, dims), _each(padding, dims), _each(dilation, dims)
    return convolution.convolve(mode.recipes, mode.map, x, weight, bias, *each, groups)


def _cast(mode: MemoryMode, x: Tensor, dtype: torch.dtype) -> Tensor:
    return x if x.dtype == dtype else combination.cast(mode.recipes, x, dtype)


def _each(size: int | Sequence[int], dims: int) -> list[int]:
    return [size] * dims if isinstance(size, int) else [int(s) for s in size] * (dims // len(size))


def _batch_norm(mode: MemoryMode, func: Function, x: Tensor, *args: Any, **options: Any) -> Any:
    if x.dim() < 2 or x.numel() <= x.shape[1]:  # PyTorch says what is wrong
        return None
    return norm.batch_norm(mode.recipes, mode.map, x, *args, **options)


def _group_norm(
    mode: MemoryMode,
    func: Function,
    x: Tensor,
    groups: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    if autocast_dtype(x.device) is not None:
        return None

    def function(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        out: Tensor = func(x, groups, weight, bias, eps)
        return out

    return norm.normalised(mode.recipes, mode.map, x, function, weight, bias)


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


def _smooth(
    mode: MemoryMode, func: Function, x: Tensor, inplace: bool = False, **options: Any
) -> Tensor:
    function = partial(func, **options)
    return activation.smooth(mode.recipes, mode.map, x, function, in_place=inplace)


def _add(mode: MemoryMode, func: Function, x: Tensor, other: Any, **options: Any) -> Any:
    if not isinstance(other, Tensor) or options or x.shape != other.shape:
        return None
    y = func(x, other)
    combination.summed(mode.recipes, y, x, other)
    return y


def _permute(mode: MemoryMode, func: Function, x: Tensor, *args: Any, **options: Any) -> Tensor:
    y: Tensor = func(x, *args, **options)
    combination.viewed(mode.recipes, y, x, lambda x: func(x, *args, **options))
    return y


def _cat(
    mode: MemoryMode, func: Function, tensors: Sequence[Tensor], dim: int = 0, **options: Any
) -> Any:
    if options:
        return None
    y = func(tensors, dim)
    combination.concatenated(mode.recipes, y, tensors, dim)
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
    window: Any = [
        tuple(_each(size, 2)) for size in (kernel_size, stride or kernel_size, padding, dilation)
    ]
    if return_indices or not pooling.fits(window[0]):
        return None
    return pooling.max_pool2d(mode.recipes, x, (*window, ceil_mode))


def _mean_pool(mode: MemoryMode, func: Function, x: Tensor, *args: Any, **options: Any) -> Any:
    if autocast_dtype(x.device) is not None:  # backward is outside of it, with other dtypes
        return None
    return pooling.linear(mode.recipes, x, lambda x: func(x, *args, **options))


_RELU = Piecewise(torch.relu, 0.0)
HANDLERS: dict[Function, Function] = {
    **dict.fromkeys(FORMS, _band_conv),
    **dict.fromkeys((F.conv1d, F.conv2d, F.conv3d), _conv),
    F.batch_norm: _batch_norm,
    **dict.fromkeys((F.group_norm, F.layer_norm), _group_norm),
    **dict.fromkeys((F.relu, torch.relu, Tensor.relu), _piecewise(_RELU)),
    **dict.fromkeys((F.relu_, torch.relu_, Tensor.relu_), _piecewise(_RELU, in_place=True)),
    F.relu6: _piecewise(Piecewise(F.relu6, 0.0, 6.0)),
    F.hardtanh: _hardtanh,
    F.leaky_relu: _leaky_relu,
    **dict.fromkeys((F.silu, F.gelu, F.mish, F.hardswish), _smooth),
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__), _add),
    **dict.fromkeys((torch.permute, Tensor.permute), _permute),
    **dict.fromkeys((torch.cat, torch.concat, torch.concatenate), _cat),
    F.dropout: _dropout,
    F.max_pool2d: _max_pool2d,
    **dict.fromkeys(
        (
            F.avg_pool1d, F.avg_pool2d, F.avg_pool3d,
            F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d,
        ),
        _mean_pool,
    ),
}  # fmt: skip
