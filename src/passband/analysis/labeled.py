"""Labelled batches, and what a classifier gets right of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor, nn

Batch = tuple[Tensor, Tensor] | list[Tensor]
"""Maps `(N, C, *space)` and class indices `(N,)`, as a DataLoader yields them."""


def labeled(name: str, batches: Iterable[Batch]) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches with samples in them, checked.

    Raises:
        TypeError: a batch is no pair of tensors, the maps are not real floating point, or the
            labels no whole numbers.
        RuntimeError: maps without axes of space, or another number of labels.
        ValueError: there are no samples.
    """
    samples = 0
    for batch in batches:
        if (
            not isinstance(batch, tuple | list)
            or len(batch) != 2
            or not all(isinstance(part, Tensor) for part in batch)
        ):
            raise TypeError(f"{name}: a batch is a pair of maps and labels; got {batch!r:.80}")
        maps, labels = batch
        if not maps.is_floating_point():
            raise TypeError(f"{name}: maps are real floating point; got {maps.dtype}")
        if labels.is_floating_point() or labels.is_complex():
            raise TypeError(f"{name}: labels are class indices; got {labels.dtype}")
        if maps.dim() < 3 or 0 in maps.shape[1:]:
            raise RuntimeError(f"{name}: maps are (N, C, *space); got shape {tuple(maps.shape)}")
        if labels.shape != maps.shape[:1]:
            raise RuntimeError(
                f"{name}: there is a label for each map; got labels of shape "
                f"{tuple(labels.shape)} for maps of {tuple(maps.shape)}"
            )
        samples += len(labels)
        if len(labels):
            yield maps, labels
    if not samples:
        raise ValueError(f"{name}: there is at least one sample; got none")


def wrong(name: str, model: nn.Module, maps: Tensor, labels: Tensor) -> Tensor:
    """Which of the maps the model takes for another class, `(N,)`.

    Raises:
        RuntimeError: the model yields something else than a number for each class.
        ValueError: a label is no class of the model's.
    """
    out = model(maps)
    if not isinstance(out, Tensor) or out.dim() != 2 or len(out) != len(maps):
        given = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise RuntimeError(
            f"{name}: the model yields (N, classes) for N = {len(maps)} maps; got {given}"
        )
    if not 0 <= int(labels.min()) <= int(labels.max()) < out.shape[1]:
        raise ValueError(
            f"{name}: labels are from 0 to {out.shape[1] - 1}, of the model's classes; got "
            f"{int(labels.min())} to {int(labels.max())}"
        )
    return out.argmax(1) != labels
