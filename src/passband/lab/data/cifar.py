"""CIFAR-10 and CIFAR-100 (Krizhevsky, Learning multiple layers of features, 2009), Python version.

Its files are pickles: their checksums are compared before, and a restricted reader takes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from passband.lab.data import archive
from passband.lab.data.files import Digests, missing, published, read
from passband.lab.data.images import prepared
from passband.lab.data.labeled import LabeledData, Part
from passband.lab.data.unpickle import unpickle

DIGESTS10: Digests = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}
DIGESTS100: Digests = {
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    "meta": "7973b15100ade9c7d40fb424638fde48",
}
_PIXELS = 3 * 32 * 32
_IMAGE = _PIXELS + 100  # bytes in a pickle: its pixels, its labels and the name of its file
_REST = 2**16


class _Layout(NamedTuple):
    """Where a data set keeps what."""

    name: str
    folder: str
    archive: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels: str  # a key of the training and test files
    names: str  # a key of the file `meta`
    images: dict[str, int]  # how many a file has at most


_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_CIFAR10 = _Layout(
    "cifar10", "cifar-10-batches-py", "cifar-10-python.tar.gz", _BATCHES, "test_batch",
    "batches.meta", "labels", "label_names", dict.fromkeys((*_BATCHES, "test_batch"), 10_000),
)  # fmt: skip
_CIFAR100 = _Layout(
    "cifar100", "cifar-100-python", "cifar-100-python.tar.gz", ("train",), "test",
    "meta", "fine_labels", "fine_label_names", {"train": 50_000, "test": 10_000},
)  # fmt: skip


def load10(
    root: Path, preprocessing: str | None = None, digests: Digests = DIGESTS10
) -> LabeledData:
    """Reads CIFAR-10, 50000 training and 10000 test images of ten classes, 3x32x32.

    Args:
        root: holds `cifar-10-batches-py`, or `cifar-10-python.tar.gz` as it was downloaded.
        preprocessing: see `passband.lab.data.load`.
        digests: the MD5 of each file.

    Raises:
        FileNotFoundError: root, folder or a file is missing.
        ValueError: a file is damaged, cut short, not the published one, or hostile.
    """
    return _load(_CIFAR10, root, preprocessing, digests)


def load100(
    root: Path, preprocessing: str | None = None, digests: Digests = DIGESTS100
) -> LabeledData:
    """Reads CIFAR-100 with its hundred fine classes, from `cifar-100-python` or its archive.

    All else is as with `load10`.
    """
    return _load(_CIFAR100, root, preprocessing, digests)


def _load(of: _Layout, root: Path, preprocessing: str | None, digests: Digests) -> LabeledData:
    place, contents = _contents(of, root)

    def content(name: str, key: str) -> Any:
        shown = f"{place}/{name}"
        found = unpickle(shown, published(shown, contents[name], name, digests))
        if not isinstance(found, dict) or key not in found:
            raise ValueError(f"{shown}: no dictionary with {key!r}; not a file of {of.name}")
        return found

    classes = tuple(str(name) for name in content(of.meta, of.names)[of.names])
    train = [_part(f"{place}/{n}", content(n, "data"), of.labels, classes) for n in of.train]
    test = _part(f"{place}/{of.test}", content(of.test, "data"), of.labels, classes)
    joined = Part(
        torch.cat([part.maps for part in train]), [name for part in train for name in part.labels]
    )
    return prepared(of.name, joined, test, preprocessing, classes)


def _contents(of: _Layout, root: Path) -> tuple[Path, dict[str, bytes]]:
    """The files as bytes, and the folder or archive that they were in."""
    limits = {name: count * _IMAGE + _REST for name, count in of.images.items()} | {of.meta: _REST}
    folder, packed = root / of.folder, root / of.archive
    if folder.is_dir():
        return folder, {name: read(folder / name, limit) for name, limit in limits.items()}
    if not packed.is_file():
        raise missing(folder, f"{folder} or {packed}")
    members = {f"{of.folder}/{name}": limit for name, limit in limits.items()}
    found = archive.of_tar(packed, members)
    return packed, {name: found[f"{of.folder}/{name}"] for name in limits}


def _part(shown: str, found: dict[str, Any], key: str, classes: tuple[str, ...]) -> Part:
    data, labels = found["data"], found.get(key)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (_PIXELS,):
        raise ValueError(f"{shown}: 'data' is no array of bytes with {_PIXELS} columns")
    if not isinstance(labels, list) or len(labels) != len(data):
        raise ValueError(
            f"{shown}: {key!r} is no list with one label for each of {len(data)} images"
        )
    wrong = [one for one in labels if type(one) is not int or not 0 <= one < len(classes)]
    if wrong:
        raise ValueError(f"{shown}: label {wrong[0]!r}; labels are 0 to {len(classes) - 1}")
    maps = torch.from_numpy(data.copy()).reshape(-1, 3, 32, 32)
    return Part(maps, [classes[label] for label in labels])
