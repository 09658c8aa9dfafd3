"""Corrupted images in arrays, as those of CIFAR-10-C."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from passband.lab.data.files import missing
from passband.lab.data.labeled import LabeledData, Samples

_SEVERITIES = 5


def reader(
    folder: Path, loaded: LabeledData, names: Sequence[str], severities: Sequence[int]
) -> Callable[[str, int], Samples]:
    """Reads a corruption at a severity; for arguments and errors see `open_set`."""
    image = (*loaded.space, loaded.in_channels)
    labels = _labels(folder / "labels.npy", loaded)
    arrays = {name: _images(folder / f"{name}.npy", image, len(labels)) for name in names}
    count = len(labels) // _SEVERITIES

    def read(name: str, severity: int) -> Samples:
        block = slice((severity - 1) * count, severity * count)
        return _Block(arrays[name][block], torch.tensor(labels[block].tolist()))

    return read


class _Block(Dataset[Any]):
    """Images in an array of bytes `(N, height, width, channels)`, turned to maps as they are read.

    Attributes:
        labels: class indices int64 `(N,)`.
    """

    def __init__(self, images: np.ndarray[Any, Any], labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = torch.from_numpy(np.array(self.images[index]))
        return pixels.permute(2, 0, 1) / 255, int(self.labels[index])


def _opened(path: Path) -> np.ndarray[Any, Any]:
    """An array of a file, of which no more is read than is asked for."""
    if not path.is_file():
        raise missing(path)
    try:
        # The format of single arrays alone; numpy.load would also take archives and pickles.
        found: np.ndarray[Any, Any] = np.lib.format.open_memmap(path, mode="r")  # type: ignore[no-untyped-call]
    except Exception as error:  # headers can be wrong in any way
        raise ValueError(
            f"{path}: half-downloaded, damaged or no array of numbers: {error}"
        ) from error
    return found


def _labels(path: Path, loaded: LabeledData) -> np.ndarray[Any, Any]:
    found = _opened(path)
    if found.ndim != 1 or found.dtype.kind not in "iu" or len(found) % _SEVERITIES:
        raise ValueError(
            f"{path}: {_words(found)}; wanted are whole numbers (N,), N a multiple of {_SEVERITIES}"
        )
    low, high = int(found.min()), int(found.max())
    if low < 0 or high >= loaded.num_classes:
        raise ValueError(
            f"{path}: labels {low} to {high}; those of {loaded.name} are 0 to "
            f"{loaded.num_classes - 1}"
        )
    return found


def _images(path: Path, image: tuple[int, ...], count: int) -> np.ndarray[Any, Any]:
    found = _opened(path)
    if found.dtype != np.uint8 or found.shape != (count, *image):
        raise ValueError(f"{path}: {_words(found)}; wanted are uint8 {(count, *image)}")
    return found


def _words(found: np.ndarray[Any, Any]) -> str:
    return f"{found.dtype} {found.shape}"
