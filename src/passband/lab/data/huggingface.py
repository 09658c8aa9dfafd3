"""Data in the formats of Hugging Face `datasets`: a folder on disk, or a name on its hub."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from passband.lab.data.checked import checked
from passband.lab.data.images import standardized_as_read
from passband.lab.data.labeled import LabeledData
from passband.lab.data.packages import require
from passband.lab.data.picture import opened, to_map

_LABELS = ("label", "labels", "fine_label", "target", "class")


def load(path: str, root: Path | None = None, preprocessing: str | None = None) -> LabeledData:
    """Reads the splits `train` and `test`; with `test`, `validation` is for validation.

    Without a split `test`, `validation` is the test set. Images are decoded as they are asked for.

    Args:
        path: a folder, as `save_to_disk` writes it or with files of parquet, images and so on; or
            a name on the hub, from which `datasets` downloads it unless it has done so before.
        root: where the folder is.
        preprocessing: of images: "standardized" and None read the training set once, for mean and
            deviation of each channel; "unit" leaves pixels in [0, 1].

    Raises:
        ImportError: the package is missing.
        FileNotFoundError: there is neither such a folder nor such a name.
        ValueError: the data cannot be read, has no such splits, or not one column of maps and one
            of labels; or its values cannot be used, see `checked`.
    """
    package = require("datasets", extra="huggingface")
    name = f"hf:{path}"
    splits = _splits(package, name, path, root)
    tests = [split for split in ("test", "validation", "valid", "val") if split in splits]
    if "train" not in splits or not tests:
        raise ValueError(
            f"{name}: the splits are {', '.join(splits)}; there should be train, and test or "
            "validation"
        )
    features = splits["train"].features
    maps, label = _map_column(package, name, features), _label_column(package, name, features)
    classes = getattr(features[label], "names", None)
    train, test, *rest = (
        _Rows(package, name, splits[split], maps, label) for split in ("train", *tests[:2])
    )
    loaded = checked(name, train, test, rest[0] if rest else None, classes)
    if preprocessing == "unit" or not isinstance(features[maps], package.Image):
        return loaded
    return standardized_as_read(loaded)


class _Rows(Dataset[Any]):
    """The rows of a split as pairs of a map and a label."""

    def __init__(self, package: ModuleType, name: str, split: Any, maps: str, label: str) -> None:
        self.name, self.maps = name, maps
        self.labels: Sequence[Any] = list(split[label])
        self.image = isinstance(split.features[maps], package.Image)
        if self.image:
            # As bytes: which decoders run is our choice.
            split = split.cast_column(maps, package.Image(decode=False))
        self.rows = split.select_columns([maps]).with_format(None if self.image else "torch")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        found = self.rows[index][self.maps]
        if self.image:
            file = io.BytesIO(found["bytes"]) if found["bytes"] is not None else found["path"]
            shown = f"{self.name}, row {index}" + (f" ({found['path']})" if found["path"] else "")
            found = to_map(opened(file, shown))
        return found, self.labels[index]


def _splits(package: ModuleType, name: str, path: str, root: Path | None) -> dict[str, Any]:
    folder = Path(path).expanduser() if root is None else root / path
    saved = (folder / "dataset_dict.json").is_file()
    place = str(folder) if folder.is_dir() else path
    try:
        return dict(package.load_from_disk(place) if saved else package.load_dataset(place))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{name}: neither a folder {folder} nor on the hub: {error}"
        ) from error
    except Exception as error:  # of networks, formats and their many libraries
        raise ValueError(f"{name}: cannot be loaded: {error}") from error


def _map_column(package: ModuleType, name: str, features: Any) -> str:
    kinds = (package.Image, package.Array2D, package.Array3D, package.Array4D)
    found = [column for column, kind in features.items() if isinstance(kind, kinds)]
    return _single(name, "of images or arrays", found, features)


def _label_column(package: ModuleType, name: str, features: Any) -> str:
    found = [column for column, kind in features.items() if isinstance(kind, package.ClassLabel)]
    named = [column for column in _LABELS if column in (found or features)]
    return _single(name, "of labels", named[:1] or found, features)


def _single(name: str, kind: str, found: Sequence[str], features: Any) -> str:
    if len(found) != 1:
        raise ValueError(
            f"{name}: the columns are {', '.join(features)}; exactly one should be {kind}, but "
            f"{', '.join(found) or 'none'} could be"
        )
    return found[0]
