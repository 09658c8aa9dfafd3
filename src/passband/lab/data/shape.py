"""Data of another size in space: resampled, or with a margin around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from passband.lab.data.labeled import LabeledData, Samples, gather, in_memory, labels, plain, size

Change = Callable[[Tensor], Tensor]
"""A function of maps `(N, C, *space)` that leaves their number and channels as they are."""

_CHUNK = 256  # maps that are worked on at a time, so that memory holds the result alone


def resized(loaded: LabeledData, size: int | Sequence[int]) -> LabeledData:
    """Resamples every map, in training, validation and test set, without aliasing.

    Images by bilinear interpolation whose filter widens as it shrinks them; other maps axis by
    axis, linearly to more samples, by the mean over the area of each new one to fewer.

    Args:
        loaded: the data. What is in memory is resampled now, the rest as it is read.
        size: samples on every axis, or on each.

    Raises:
        ValueError: the size is not positive, or not one for each axis.
    """
    return mapped(loaded, resampling(_sizes(loaded, size)))


def padded(loaded: LabeledData, size: int | Sequence[int]) -> LabeledData:
    """Puts a margin around every map, in training, validation and test set.

    Maps stay in the middle; of an odd margin the larger half comes after. A margin of images is as
    dark as the darkest pixel of the training set, in each channel: that is black, wherever
    standardising has moved it. Series and volumes get zeros.

    Args:
        loaded: the data. What is in memory is padded now, the rest as it is read; but to find the
            darkest pixel, all training images are read once.
        size: samples on every axis, or on each, at least those that there are.

    Raises:
        ValueError: the size is smaller than the maps, or not one for each axis.
    """
    target = _sizes(loaded, size)
    if any(new < old for new, old in zip(target, loaded.space, strict=True)):
        raise ValueError(
            f"{loaded.name}: maps of {loaded.space} cannot be padded to {target}; "
            "resized() makes them smaller"
        )
    return mapped(loaded, margin(loaded, target))


def resampling(target: tuple[int, ...]) -> Change:
    """What `resized` does to maps."""
    change = _resize_images if len(target) == 2 else _resize_each_axis
    return partial(change, target=target)


def margin(loaded: LabeledData, target: tuple[int, ...]) -> Change:
    """What `padded` does to maps of this data."""
    fill = torch.zeros(loaded.in_channels)
    if len(target) == 2:
        darkest = [maps.amin((0, 2, 3)) for maps, _ in chunks(plain(loaded.train))]
        fill = torch.stack(darkest).amin(0)
    return partial(_pad, target=target, fill=fill)


def mapped(loaded: LabeledData, change: Change) -> LabeledData:
    """Changes the maps of every part, now if they are in memory, otherwise as they are read."""
    train, test = (changed(part, change) for part in (loaded.train, loaded.test))
    validation = None if loaded.validation is None else changed(loaded.validation, change)
    return replace(loaded, train=train, test=test, validation=validation)


def chunks(samples: Samples) -> Iterator[tuple[Tensor, Tensor]]:
    """All samples in order, some hundred side by side."""
    count = size(samples)
    for at in range(0, count, _CHUNK):
        yield gather(samples, range(at, min(at + _CHUNK, count)))


def changed(samples: Samples, change: Change) -> Samples:
    """Samples with their maps changed, now if they are in memory, otherwise as they are read."""
    if not in_memory(samples):
        return _Mapped(samples, change)
    maps, targets = zip(*((change(maps), part) for maps, part in chunks(samples)), strict=True)
    return TensorDataset(torch.cat(maps), torch.cat(targets))


class _Mapped(Dataset[Any]):
    """Samples whose maps are changed as they are read."""

    def __init__(self, samples: Samples, change: Change) -> None:
        self.samples = samples
        self.change = change

    def __len__(self) -> int:
        return size(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        one, label = self.samples[index]
        return self.change(one[None])[0], label

    @property
    def labels(self) -> Tensor:
        return labels(self.samples)

    @property
    def plain(self) -> Samples:
        return _Mapped(plain(self.samples), self.change)


def _sizes(loaded: LabeledData, wanted: int | Sequence[int]) -> tuple[int, ...]:
    space = loaded.space
    sizes = tuple(wanted) if isinstance(wanted, Sequence) else (wanted,) * len(space)
    if len(sizes) != len(space) or any(type(one) is not int or one < 1 for one in sizes):
        raise ValueError(
            f"{loaded.name}: a size for maps of {space} is a positive int, or {len(space)}, "
            f"one an axis; got {wanted!r}"
        )
    return sizes


def _resize_images(maps: Tensor, target: tuple[int, ...]) -> Tensor:
    return F.interpolate(maps, target, mode="bilinear", align_corners=False, antialias=True)


def _resize_each_axis(maps: Tensor, target: tuple[int, ...]) -> Tensor:
    for axis, wanted in enumerate(target, 2):
        rows = maps.movedim(axis, -1)
        mode = "area" if wanted < rows.shape[-1] else "linear"
        flat = F.interpolate(rows.flatten(1, -2), wanted, mode=mode)
        maps = flat.unflatten(1, rows.shape[1:-1]).movedim(-1, axis)
    return maps


def _pad(maps: Tensor, target: tuple[int, ...], fill: Tensor) -> Tensor:
    margins = [new - old for new, old in zip(target, maps.shape[2:], strict=True)]
    framed = fill.view(1, -1, *[1] * len(target)).repeat(len(maps), 1, *target)
    inner = tuple(
        slice(margin // 2, margin // 2 + old)
        for margin, old in zip(margins, maps.shape[2:], strict=True)
    )
    framed[:, :, *inner] = maps
    return framed
