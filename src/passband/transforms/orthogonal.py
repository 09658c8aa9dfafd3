"""Orthonormal transforms of real maps: their inverse is their adjoint."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor

from passband.transforms.precision import compute_dtype, without_autocast
from passband.transforms.remembered import recalled, remembered

Step = Callable[[Tensor], Tensor]
"""A transform along the last axes of a tensor, which keeps its shape."""


def orthogonal(x: Tensor, there: Step, back: Step) -> Tensor:
    """An orthonormal transform, differentiable any number of times; autograd holds nothing for it.

    Args:
        x: real floating point. Half precision is computed in float32.
        there: the transform, of tensors in float32 or float64.
        back: its inverse, and so its adjoint.

    Returns:
        Shape and dtype of `x`.
    """
    if torch.compiler.is_exporting():  # operations alone, whose gradients a program knows
        return _Orthogonal.forward(x, there, back)
    function = _Orthogonal if torch.compiler.is_dynamo_compiling() else _WithTangent
    out: Tensor = function.apply(x, there, back)  # type: ignore[no-untyped-call]
    return out


def space_axes(name: str, x: object, dims: object) -> int:
    """How many of the last axes of a map are transformed.

    Args:
        name: of the function, for the message.
        x: the map, `(N, C, *space)`.
        dims: the number, or None for all axes behind batch and channels.

    Raises:
        TypeError: `x` is no real floating-point tensor, or `dims` is not a whole number.
        ValueError: `dims` is below 1.
        RuntimeError: the map has fewer axes, or one of them has no samples.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"{name}: the map is a real floating-point tensor; got {given}")
    if dims is None:
        if x.dim() < 3:
            raise RuntimeError(f"{name}: a map is (N, C, *space); got shape {tuple(x.shape)}")
        dims = x.dim() - 2
    elif isinstance(dims, bool) or not isinstance(dims, int):
        raise TypeError(f"{name}: dims is a whole number or None; got {dims!r}")
    if dims < 1:
        raise ValueError(f"{name}: dims is at least 1; got {dims}")
    if x.dim() < dims or 0 in x.shape[x.dim() - dims :]:
        raise RuntimeError(
            f"{name}: the last {dims} axes of the map have samples; got shape {tuple(x.shape)}"
        )
    return dims


def along(x: Tensor, axis: int, matrix: Tensor) -> Tensor:
    """The products of a matrix with the rows of a tensor that lie along an axis.

    Args:
        x: any shape.
        axis: counted from the first.
        matrix: `(m, x.shape[axis])`.

    Returns:
        The shape of `x`, but m long on the axis.
    """
    if axis == x.dim() - 1:
        return x @ matrix.T
    out: Tensor = (matrix @ x.flatten(axis + 1)).unflatten(-1, x.shape[axis + 1 :])
    return out


def table(make: Callable[..., Tensor], key: Hashable, like: Tensor) -> Tensor:
    """What `make(key)` computes in float64 on the CPU, as constant for tensors like this.

    Args:
        make: computes the constant.
        key: what it depends on.
        like: gives dtype and device.
    """
    return recalled(_made, make, key, like.dtype, like.device)


@remembered
def _made(
    make: Callable[..., Tensor], key: Hashable, dtype: torch.dtype, device: torch.device
) -> Tensor:
    return make(key).to(device, dtype)


class _Orthogonal(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, there: Step, back: Step) -> Tensor:
        if x.numel() == 0:  # FFT libraries refuse an empty batch
            return torch.zeros_like(x)
        with without_autocast(x.device):
            out = there(x.to(compute_dtype(x.dtype, "fft", x.device.type)))
        return out.to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, ctx.there, ctx.back = inputs

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return orthogonal(grad, ctx.back, ctx.there), None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: Tensor, there: Step, back: Step
    ) -> tuple[Tensor, int]:
        # The axes that are transformed are the last: a batch more stands before them.
        return orthogonal(x.movedim(in_dims[0] or 0, 0), there, back), 0


class _WithTangent(_Orthogonal):
    """With what a compiler does not follow."""

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        return orthogonal(tangent, ctx.there, ctx.back)
