"""The arguments of a convolution, checked once at the public boundary.

Errors have the types that PyTorch's own convolutions raise, and say what was given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import get_args

import torch
from torch import Tensor

from passband.band import Band
from passband.functional.geometry import StrideMode
from passband.functional.padding import PADDING_MODES, PaddingMode
from passband.functional.plan import PLAN_NAMES
from passband.spelling import meant
from passband.transforms.precision import autocast_dtype

Size = int | Sequence[int]


@dataclass(frozen=True)
class Arguments:
    """A convolution's arguments, one entry for each space axis; padding before and after."""

    name: str
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    output_padding: tuple[int, ...]
    padding_mode: PaddingMode
    stride_mode: StrideMode
    transposed: bool

    @property
    def dims(self) -> int:
        """Number of space axes."""
        return len(self.stride)


def check_tensors(name: str, dims: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Rank, dtype and device of map, weight and bias.

    Raises:
        TypeError: not a tensor, or not real floating point.
        RuntimeError: wrong number of axes, or dtypes or devices that differ.
    """
    given = [("input", x), ("weight", weight)] + ([] if bias is None else [("bias", bias)])
    for role, t in given:
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}: the {role} is a Tensor; got {type(t).__name__} {t!r:.80}")
    for role, t in given:
        if t.device != x.device:
            raise RuntimeError(
                f"{name}: input and {role} should be the same device; got {x.device} and {t.device}"
            )
        if t.dtype != x.dtype and autocast_dtype(x.device) is None:
            raise RuntimeError(
                f"{name}: input and {role} should be the same dtype; got {x.dtype} and {t.dtype}"
            )
    for role, t in given:
        if not t.is_floating_point():
            raise TypeError(f"{name}: the {role} is real floating point; got dtype {t.dtype}")
    if weight.dim() != dims + 2:
        raise RuntimeError(
            f"{name}: the weight has {dims + 2} axes (channels, channels, {dims} of space); got "
            f"shape {tuple(weight.shape)}"
        )
    if x.dim() not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: the input has {dims + 2} axes, or {dims + 1} without a batch; got shape "
            f"{tuple(x.shape)}"
        )


def check_choices(
    name: str, band: Band, plan: str, padding_mode: str = "zeros", stride_mode: str = "sample"
) -> None:
    """Band and plan, padding and stride mode.

    Raises:
        TypeError: band is no `Band`.
        ValueError: an unknown choice.
    """
    if not isinstance(band, Band):
        raise TypeError(f"{name}: band is a passband.Band, such as Band(keep=0.25); got {band!r}")
    check_choice(name, "plan", plan, PLAN_NAMES)
    check_choice(name, "padding_mode", padding_mode, PADDING_MODES)
    check_choice(name, "stride_mode", stride_mode, get_args(StrideMode))


def check_choice(name: str, role: str, value: object, allowed: Sequence[str]) -> None:
    """One of a few words.

    Raises:
        ValueError: another one.
    """
    if value not in allowed:
        raise ValueError(
            f"{name}: {role} is one of {', '.join(allowed)}; got {value!r}{meant(value, allowed)}"
        )


def check_number(name: str, role: str, value: object) -> float:
    """A finite real number.

    Raises:
        TypeError: it is no number.
        ValueError: it is not finite.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: {role} is a number; got {value!r}")
    if not -math.inf < float(value) < math.inf:  # which a compiler can trace
        raise ValueError(f"{name}: {role} is finite; got {value!r}")
    return float(value)


def read_arguments(
    name: str,
    dims: int,
    weight: Sequence[int],
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    output_padding: Size = 0,
    padding_mode: PaddingMode = "zeros",
    stride_mode: StrideMode = "sample",
    *,
    transposed: bool = False,
) -> Arguments:
    """The arguments with one entry for each space axis.

    Raises:
        TypeError: a size is not a whole number.
        RuntimeError: a size is out of range, as in PyTorch.
    """
    given = (
        name, dims, weight, stride, padding, dilation, groups, output_padding, padding_mode,
        stride_mode, transposed,
    )  # fmt: skip
    sizes = (stride, padding, dilation, groups, output_padding)
    known = all(map(_is_plain, sizes)) and not torch.compiler.is_dynamo_compiling()
    return (_read_before if known else _read)(*given)


def _is_plain(size: object) -> bool:
    """Whether it may be a key: 1, True and 1.0 are one key, but not one argument."""
    if type(size) is tuple:
        return all(type(entry) is int for entry in size)
    return type(size) in (int, str)


def _read(
    name: str,
    dims: int,
    weight: Sequence[int],
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    output_padding: Size,
    padding_mode: PaddingMode,
    stride_mode: StrideMode,
    transposed: bool,
) -> Arguments:
    strides = _sizes(name, "stride", stride, dims, least=1)
    dilations = _sizes(name, "dilation", dilation, dims, least=1)
    (channel_groups,) = _sizes(name, "groups", groups, 1, least=1)
    extra = _sizes(name, "output_padding", output_padding, dims, least=0)
    for e, s, d in zip(extra, strides, dilations, strict=True):
        if transposed and e >= max(s, d):
            raise RuntimeError(
                f"{name}: output_padding is smaller than stride or dilation; got "
                f"output_padding={extra}, stride={strides}, dilation={dilations}"
            )
    if isinstance(padding, str) and not transposed:
        pairs = _named_padding(name, padding, weight[2:], strides, dilations)
    else:
        pairs = tuple((p, p) for p in _sizes(name, "padding", padding, dims, least=0))
    return Arguments(
        name,
        strides,
        pairs,
        dilations,
        channel_groups,
        extra,
        padding_mode,
        stride_mode,
        transposed,
    )


_read_before = lru_cache(maxsize=4096)(_read)


def check_shapes(
    args: Arguments, x: Sequence[int], weight: Sequence[int], bias: Sequence[int] | None
) -> None:
    """Channels and sizes, of a batched map `(N, C, *space)`.

    Raises:
        RuntimeError: channels that do not match, an empty axis, a kernel larger than the map.
    """
    name, groups = args.name, args.groups
    rows, columns = weight[0], weight[1]
    wanted = rows if args.transposed else columns * groups
    if x[1] != wanted:
        raise RuntimeError(
            f"{name}: groups={groups} and a weight of shape {tuple(weight)} need an input of "
            f"{wanted} channels; got shape {tuple(x)}"
        )
    if rows == 0 or rows % groups:
        raise RuntimeError(
            f"{name}: the weight's first axis is a positive multiple of groups={groups}; got shape "
            f"{tuple(weight)}"
        )
    if args.transposed and columns == 0:
        raise RuntimeError(
            f"{name}: the weight's second axis has output channels; got shape {tuple(weight)}"
        )
    outputs = columns * groups if args.transposed else rows
    if bias is not None and tuple(bias) != (outputs,):
        raise RuntimeError(f"{name}: the bias has shape ({outputs},); got {tuple(bias)}")
    if any(k < 1 for k in weight[2:]):
        raise RuntimeError(f"{name}: a kernel has at least one tap; got shape {tuple(weight)}")
    if any(n < 1 for n in x[2:]):
        raise RuntimeError(f"{name}: every space axis has samples; got an input of {tuple(x)}")
    per_axis = zip(
        x[2:],
        weight[2:],
        args.stride,
        args.padding,
        args.dilation,
        args.output_padding,
        strict=True,
    )
    for n, k, s, (before, after), d, extra in per_axis:
        extent = d * (k - 1) + 1
        if args.padding_mode == "circular" and max(before, after) > n:
            raise RuntimeError(
                f"{name}: circular padding wraps around once at most; got padding {args.padding} "
                f"for an input of {tuple(x)}"
            )
        if args.transposed and (n - 1) * s - before - after + extent + extra < 1:
            raise RuntimeError(
                f"{name}: padding {args.padding} leaves no output of an input of {tuple(x)} and a "
                f"weight of {tuple(weight)}"
            )
        if not args.transposed and n + before + after < extent:
            raise RuntimeError(
                f"{name}: kernel size can't be greater than the padded input; a weight of "
                f"{tuple(weight)} with dilation {args.dilation} spans {extent} samples, the input "
                f"of {tuple(x)} has {n + before + after}"
            )


def _sizes(name: str, role: str, value: object, count: int, *, least: int) -> tuple[int, ...]:
    entries = tuple(value) if isinstance(value, Sequence) else (value,)
    if isinstance(value, str) or any(isinstance(e, bool) or not _is_int(e) for e in entries):
        raise TypeError(f"{name}: {role} is a whole number or {count} of them; got {value!r}")
    if len(entries) not in (1, count):
        raise RuntimeError(f"{name}: {role} is one number or {count}; got {value!r}")
    if any(e < least for e in entries):
        raise RuntimeError(f"{name}: {role} is at least {least}; got {value!r}")
    return tuple(int(e) for e in entries) * (count if len(entries) == 1 else 1)


def _is_int(value: object) -> bool:
    return isinstance(value, Integral | torch.SymInt)


def _named_padding(
    name: str, padding: str, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding != "same":
        raise RuntimeError(f"padding is 'same', 'valid' or numbers; {name} got {padding!r}")
    if any(s != 1 for s in stride):
        raise RuntimeError(f"{name}: padding='same' is for stride 1; got stride={stride}")
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((t // 2, t - t // 2) for t in total)
