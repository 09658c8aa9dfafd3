"""Corrupted images in folders, as those of ImageNet-C."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from passband.lab.data.files import missing
from passband.lab.data.imagefolder import ENDINGS
from passband.lab.data.labeled import LabeledData, Samples
from passband.lab.data.packages import require
from passband.lab.data.picture import opened, to_map


def reader(
    folder: Path, loaded: LabeledData, names: Sequence[str], severities: Sequence[int]
) -> Callable[[str, int], Samples]:
    """Reads a corruption at a severity; for arguments and errors see `open_set`."""
    if loaded.in_channels != 3 or len(loaded.space) != 2:
        raise ValueError(
            f"{folder}: images of three channels, but maps of {loaded.name} are "
            f"{(loaded.in_channels, *loaded.space)}"
        )
    for name in names:
        for severity in severities:
            _check_classes(folder / name / str(severity), loaded.classes)

    def read(name: str, severity: int) -> Samples:
        paths: list[str] = []
        labels: list[int] = []
        for index, of in enumerate(loaded.classes):
            place = folder / name / str(severity) / of
            found = sorted(str(at) for at in place.iterdir() if at.suffix.lower() in ENDINGS)
            if not found:
                raise ValueError(f"{place}: no images ({', '.join(ENDINGS)}) in it")
            paths += found
            labels += [index] * len(found)
        return _Images(paths, torch.tensor(labels), (loaded.space[0], loaded.space[1]))

    return read


class _Images(Dataset[Any]):
    """Images in files: their middle, resampled. They are cut already: no margin is taken off.

    Attributes:
        labels: class indices int64 `(N,)`.
    """

    def __init__(self, paths: list[str], labels: Tensor, space: tuple[int, int]) -> None:
        self.paths = paths
        self.labels = labels
        self.space = space

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = opened(self.paths[index]).convert("RGB")
        height, width = self.space
        share = min(image.width / width, image.height / height)
        left, top = (image.width - share * width) / 2, (image.height - share * height) / 2
        box = (left, top, image.width - left, image.height - top)
        bilinear = require("PIL.Image").Resampling.BILINEAR
        return to_map(image.resize((width, height), bilinear, box=box)), int(self.labels[index])


def _check_classes(folder: Path, classes: Sequence[str]) -> None:
    if not folder.is_dir():
        raise missing(folder, f"{folder} with a folder of images for each class")
    there = {entry.name for entry in folder.iterdir() if entry.is_dir()}
    unseen, absent = sorted(there - set(classes)), sorted(set(classes) - there)
    if unseen:
        raise ValueError(f"{folder}: classes {_few(unseen)}, which the data lacks")
    if absent:
        raise ValueError(f"{folder}: half-downloaded, without the classes {_few(absent)}")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
