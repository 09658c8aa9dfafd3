"""A folder of images with a folder for each class, read as training goes, prepared as for ImageNet.

Szegedy et al., Going deeper with convolutions, CVPR 2015 (random crops of random shape for
training), and the usual single centre crop for testing.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from passband.lab.data.files import missing
from passband.lab.data.labeled import LabeledData, Samples
from passband.lab.data.packages import require
from passband.lab.data.picture import opened, to_map

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's training set
_LARGER = 256 / 224  # a test image's shorter side, against the side of its centre crop
_AREA, _ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)  # of a training crop: share of the image, width/height
_TRIES = 10

SIZE = 224


def load(root: Path, preprocessing: str | None = None, size: int = SIZE) -> LabeledData:
    """Lists `root/train/CLASS/*` and the test images; pixels are read as they are asked for.

    Training images are random crops of 8 to 100 % of the area, resampled to `size`, half of them
    mirrored, by torch's global generator of the CPU; `plain` samples and test images are resampled
    so that the shorter side is `size * 256 / 224`, and cut in the middle.

    Args:
        root: the test images are in `root/test` if that has folders of classes, and `root/val` is
            then for validation; otherwise they are in `root/val`.
        preprocessing: "unit" leaves pixels in [0, 1]; "standardized" and None take mean and
            deviation of ImageNet, as models that were trained on it want them.
        size: height and width.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: there are no classes, a class has no images, or the test set has a class that
            the training set lacks. An image that cannot be read raises it when it is read.
    """
    train, classes = _listed(root / "train", size, preprocessing, None, train=True)
    tests = [folder for folder in (root / "test", root / "val") if _has_classes(folder)]
    if not tests:
        empty = next((one for one in (root / "val", root / "test") if one.is_dir()), None)
        if empty:
            raise ValueError(f"{empty}: no folder of a class in it")
        raise missing(root / "val", f"folders of classes in {root / 'val'} or {root / 'test'}")
    test, *rest = (_listed(one, size, preprocessing, classes)[0] for one in tests)
    name = "imagefolder" if size == SIZE else f"imagefolder:{size}"
    return LabeledData(name, train, test, classes, rest[0] if rest else None)


class ImageFolder(Dataset[Any]):
    """Images in files.

    Attributes:
        paths: where each is.
        labels: class indices int64 `(N,)`.
        size: height and width of a map.
        preprocessing: see `load`.
        train: whether crops are random.
    """

    def __init__(
        self, paths: list[str], labels: Tensor, size: int, preprocessing: str | None, train: bool
    ) -> None:
        self.paths = paths
        self.labels = labels
        self.size = size
        self.preprocessing = preprocessing
        self.train = train

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = opened(self.paths[index]).convert("RGB")
        cropped = _random_crop(image, self.size) if self.train else _centre_crop(image, self.size)
        pixels = to_map(cropped)
        if self.preprocessing != "unit":
            mean, std = (torch.tensor(values).view(3, 1, 1) for values in (_MEAN, _STD))
            pixels.sub_(mean).div_(std)
        return pixels, int(self.labels[index])

    @property
    def plain(self) -> Samples:
        """The same images without what is random."""
        return ImageFolder(self.paths, self.labels, self.size, self.preprocessing, train=False)


def _random_crop(image: Any, size: int) -> Any:
    width, height = image.size
    left, top, wide, high = _random_box(width, height)
    box = (left, top, left + wide, top + high)
    cropped = image.resize((size, size), require("PIL.Image").Resampling.BILINEAR, box=box)
    if float(torch.rand(())) < 0.5:
        return cropped.transpose(require("PIL.Image").Transpose.FLIP_LEFT_RIGHT)
    return cropped


def _random_box(width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of a crop with a uniform area and a log-uniform shape."""
    low, high = (math.log(aspect) for aspect in _ASPECT)
    for _ in range(_TRIES):
        share, shape, across, down = torch.rand(4).tolist()
        area = width * height * (_AREA[0] + share * (_AREA[1] - _AREA[0]))
        aspect = math.exp(low + shape * (high - low))
        wide, tall = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < tall <= height:
            left, top = int(across * (width - wide + 1)), int(down * (height - tall + 1))
            return left, top, wide, tall
    # An image so long that no crop fits: the middle of it, as large as the shapes allow.
    wide = min(width, max(1, round(height * _ASPECT[1])))
    tall = min(height, max(1, round(width / _ASPECT[0])))
    return (width - wide) // 2, (height - tall) // 2, wide, tall


def _centre_crop(image: Any, size: int) -> Any:
    shorter = min(image.size)
    side = shorter * size / round(size * _LARGER)  # of the crop, in pixels of the file
    left, top = ((extent - side) / 2 for extent in image.size)
    box = (left, top, left + side, top + side)
    return image.resize((size, size), require("PIL.Image").Resampling.BILINEAR, box=box)


def _has_classes(folder: Path) -> bool:
    return folder.is_dir() and any(entry.is_dir() for entry in folder.iterdir())


def _listed(
    folder: Path,
    size: int,
    preprocessing: str | None,
    classes: tuple[str, ...] | None,
    train: bool = False,
) -> tuple[Samples, tuple[str, ...]]:
    if not folder.is_dir():
        raise missing(folder, f"{folder} with a folder of images for each class")
    found = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    if not found:
        raise ValueError(f"{folder}: no folder of a class in it")
    classes = classes or tuple(entry.name for entry in found)
    unseen = [entry.name for entry in found if entry.name not in classes]
    if unseen:
        raise ValueError(f"{folder}: classes {unseen}, which the training set lacks")
    paths: list[str] = []
    labels: list[int] = []
    for entry in found:
        images = sorted(str(at) for at in entry.rglob("*") if at.suffix.lower() in ENDINGS)
        if not images:
            raise ValueError(f"{entry}: no images ({', '.join(ENDINGS)}) in it")
        paths += images
        labels += [classes.index(entry.name)] * len(images)
    return ImageFolder(paths, torch.tensor(labels), size, preprocessing, train), classes
