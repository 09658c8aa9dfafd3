"""Batches of other sizes, made from an example."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Example = Tensor | Sequence[Tensor]
"""What a model is given: a tensor, or several in order; the first axis of each is the batch."""


def inputs_of(name: str, example: Example) -> tuple[Tensor, ...]:
    """The tensors of an example.

    Args:
        name: of the public function.
        example: what that was given.

    Raises:
        TypeError: not a tensor and no sequence of tensors.
        ValueError: without a batch axis, of several batch sizes, or an empty batch.
    """
    inputs = (example,) if isinstance(example, Tensor) else example
    if not isinstance(inputs, tuple | list) or not inputs:
        raise TypeError(f"{name}: the example is a tensor or a tuple of them; got {example!r:.80}")
    for x in inputs:
        if not isinstance(x, Tensor):
            raise TypeError(
                f"{name}: the example has tensors only; got {type(x).__name__} {x!r:.80}"
            )
    shapes = [tuple(x.shape) for x in inputs]
    if any(not shape or not shape[0] for shape in shapes) or len({s[0] for s in shapes}) > 1:
        raise ValueError(
            f"{name}: the first axis of the example's tensors is the batch, of one sample at least "
            f"and the same for all; got shapes {', '.join(map(str, shapes))}"
        )
    return tuple(inputs)


def batch_size_of(name: str, inputs: Sequence[Tensor], batch_size: int | None) -> int:
    """The batch size that is asked for, by default that of the example.

    Raises:
        ValueError: it is below 1.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"{name}: batch_size is at least 1; got {batch_size}")
    return len(inputs[0]) if batch_size is None else batch_size


def samples(inputs: Sequence[Tensor], count: int) -> tuple[Tensor, ...]:
    """The first samples of a batch, which is repeated if it has fewer, in the same memory format.

    Examples:
        >>> samples([torch.tensor([[1.0], [2.0]])], 3)
        (tensor([[1.],
                [2.],
                [1.]]),)
    """
    return tuple(_samples(x, count) for x in inputs)


def stretched(x: Tensor, space: Sequence[int]) -> Tensor:
    """Maps of another size: cut, or repeated along each axis, in the same memory format.

    Args:
        x: `(N, C, *space)`.
        space: the new sizes.

    Examples:
        >>> stretched(torch.tensor([[[1.0, 2.0]]]), [5])
        tensor([[[1., 2., 1., 2., 1.]]])
    """
    out = x
    for axis, size in enumerate(space, 2):
        out = out.index_select(axis, torch.arange(size, device=x.device) % x.shape[axis])
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.dim())
    if last is not None and x.is_contiguous(memory_format=last) and not x.is_contiguous():
        out = out.contiguous(memory_format=last)
    return out


def _samples(x: Tensor, count: int) -> Tensor:
    times = math.ceil(count / len(x))
    whole = x.detach() if times == 1 else torch.cat([x.detach()] * times)
    return whole[:count].clone().requires_grad_(x.requires_grad)
