"""MNIST and Fashion-MNIST, from the files in which they were published.

LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition, 1998;
Xiao, Rasul, Vollgraf, Fashion-MNIST, 2017.
"""

from __future__ import annotations

from pathlib import Path

from passband.lab.data import idx
from passband.lab.data.files import Digests
from passband.lab.data.images import prepared
from passband.lab.data.labeled import LabeledData, Part

# Of the files as they are when unpacked, so that one table serves either form.
DIGITS: Digests = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FASHION: Digests = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip


def load(root: Path, preprocessing: str | None = None, digests: Digests = DIGITS) -> LabeledData:
    """Reads MNIST, 60000 training and 10000 test images of digits, 1x28x28.

    Args:
        root: holds `MNIST/raw` with the four files, as they are or with `.gz`.
        preprocessing: see `passband.lab.data.load`.
        digests: the MD5 of each file, unpacked.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: a file is damaged, cut short, or not the published one.
    """
    return _load("mnist", root / "MNIST" / "raw", tuple("0123456789"), preprocessing, digests)


def load_fashion(
    root: Path, preprocessing: str | None = None, digests: Digests = FASHION
) -> LabeledData:
    """Reads Fashion-MNIST from `FashionMNIST/raw`; all else is as with `load`."""
    folder = root / "FashionMNIST" / "raw"
    return _load("fashion-mnist", folder, _CLOTHES, preprocessing, digests)


def _load(
    name: str,
    folder: Path,
    classes: tuple[str, ...],
    preprocessing: str | None,
    digests: Digests,
) -> LabeledData:
    train, test = (_part(folder, stem, classes, digests) for stem in ("train", "t10k"))
    return prepared(name, train, test, preprocessing, classes)


def _part(folder: Path, stem: str, classes: tuple[str, ...], digests: Digests) -> Part:
    images = idx.read(folder, f"{stem}-images-idx3-ubyte", 3, digests)
    labels = idx.read(folder, f"{stem}-labels-idx1-ubyte", 1, digests)
    if len(images) != len(labels):
        raise ValueError(f"{folder}: {len(images)} {stem} images, but {len(labels)} labels")
    if int(labels.max()) >= len(classes):
        raise ValueError(f"{folder}: {stem} label {int(labels.max())}; labels are 0 to 9")
    return Part(images.unsqueeze(1), [classes[label] for label in labels.tolist()])
