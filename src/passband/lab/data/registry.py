"""Which data sets there are, by name. To add one, write its reader and name it here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from passband.lab.data import (
    cifar,
    digits,
    huggingface,
    imagefolder,
    imported,
    mnist,
    mnist5k,
    svhn,
    ucr,
)
from passband.lab.data.images import PREPROCESSING
from passband.lab.data.labeled import LabeledData
from passband.spelling import meant

_Preprocessing = str | None

_BUNDLED_IMAGES: Mapping[str, Callable[[_Preprocessing], LabeledData]] = {
    "mnist-5k": mnist5k.load,
    "digits": digits.load,
}
_BUNDLED_SERIES = tuple(f"ucr:{problem}" for problem in ucr.BUNDLED)
# Published files in the user's folder.
_FILES: Mapping[str, Callable[[Path, _Preprocessing], LabeledData]] = {
    "mnist": mnist.load,
    "fashion-mnist": mnist.load_fashion,
    "cifar10": cifar.load10,
    "cifar100": cifar.load100,
    "svhn": svhn.load,
    "imagefolder": imagefolder.load,
}
# Families of names, `family:member`, and how the member is called.
_FAMILIES: Mapping[str, str] = {"ucr": "NAME", "imagefolder": "SIZE", "hf": "NAME_OR_PATH"}
_IMPORT_PATH = "package.module:object"


def available() -> tuple[str, ...]:
    """The names that load without a root: their data ships in a package of the ``lab`` extra."""
    return (*_BUNDLED_IMAGES, *_BUNDLED_SERIES)


def known() -> tuple[str, ...]:
    """All names and patterns of names that `load` takes, for messages and listings."""
    families = (f"{name}:{member}" for name, member in _FAMILIES.items())
    return (*available(), *_FILES, *families, _IMPORT_PATH)


def takes_root(name: str) -> bool:
    """Whether `load` reads this data from the user's folder if it is given one."""
    family, _, member = name.partition(":")
    return name in _FILES or (family in _FAMILIES and bool(member)) or is_import_path(name)


def load(
    name: str, root: str | os.PathLike[str] | None = None, preprocessing: str | None = None
) -> LabeledData:
    """Loads labelled data; nothing is ever downloaded, but a name on the hub by `datasets`.

    ========================= ==================================================================
    name                      what `root` holds
    ========================= ==================================================================
    one of `available()`      no root: it ships in a package
    mnist, fashion-mnist      `MNIST/raw`, `FashionMNIST/raw`: `train-images-idx3-ubyte`, … , as
                              they are or with `.gz`
    cifar10, cifar100         `cifar-10-batches-py`, `cifar-100-python`, or `….tar.gz` as
                              downloaded
    svhn                      `train_32x32.mat`, `test_32x32.mat`
    imagefolder[:SIZE]        `train/CLASS/*`, and `val` or `test` likewise; read as training goes,
                              cut to 224 pixels or SIZE
    ucr:NAME                  `NAME/NAME_TRAIN` and `NAME/NAME_TEST`, both `.ts`, `.tsv`, `.csv`,
                              `.txt` or without an ending, or a `.zip` with them; without a root
                              what ships in a package
    hf:NAME_OR_PATH           the folder, as Hugging Face `datasets` reads it; otherwise, and
                              without a root, a path or a name on the hub; needs the extra
                              ``huggingface``
    package.module:object     what the function or class likes, if it takes a `root`; for what it
                              should give see `passband.lab.data.imported.load`
    ========================= ==================================================================

    The published files are checked to be those that were published, before they are read.

    Args:
        name: see the table.
        root: the folder of your own data.
        preprocessing: of images: "standardized" (None means this) by the mean and standard
            deviation of each channel over the training set, `imagefolder` by those of ImageNet;
            "unit" leaves pixels in [0, 1]. Series are left as their archive ships them, data of
            your own code as that gives them.

    Raises:
        TypeError: the name is not a string, or the root not a path.
        ValueError: the name or the preprocessing is unknown, or not for such data; or a file is
            damaged, not the published one, or cannot be used.
        FileNotFoundError: the root lacks a folder or a file.
        ImportError: a package of an extra is missing, or your module.

    Example:
        >>> data = load("digits")
        >>> data.num_classes, data.in_channels, data.space, len(data.train)
        (10, 1, (8, 8), 1433)
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of the data is a str; got {name!r}")
    if root is not None and not isinstance(root, str | os.PathLike):
        raise TypeError(f"root is a path or None; got {root!r}")
    if preprocessing is not None and preprocessing not in PREPROCESSING:
        raise ValueError(
            f"unknown preprocessing {preprocessing!r}: there is {', '.join(PREPROCESSING)}"
            f"{meant(preprocessing, PREPROCESSING)}"
        )
    return _reader(name, None if root is None else Path(root).expanduser())(preprocessing)


def _reader(name: str, root: Path | None) -> Callable[[_Preprocessing], LabeledData]:
    family, _, member = name.partition(":")
    if is_import_path(name):
        return _as_shipped(name, partial(imported.load, name, root))
    if family == "hf" and member:
        return partial(huggingface.load, member, root)
    if root is None:
        if name in _BUNDLED_IMAGES:
            return _BUNDLED_IMAGES[name]
        if name in _BUNDLED_SERIES:
            return _as_shipped(name, partial(ucr.load, member))
        if takes_root(name) and family != "ucr":
            raise ValueError(
                f"unknown data {name!r} without a root: it is read from a folder of yours (root=, "
                "--data-dir)"
            )
        raise _unknown(name)
    if name in _FILES:
        return partial(_FILES[name], root)
    if family == "ucr" and member:
        return _as_shipped(name, partial(ucr.load, member, root))
    if family == "imagefolder" and member:
        if not member.isascii() or not member.isdigit() or not int(member):
            raise ValueError(f"{name!r}: a size in pixels is a positive int; got {member!r}")
        return partial(imagefolder.load, root, size=int(member))
    if name in available():
        raise ValueError(f"{name!r} ships in a package and takes no root, but root={str(root)!r}")
    raise _unknown(name)


def is_import_path(name: str) -> bool:
    """Whether a name is the path of an object in a module, whose code runs when it is loaded."""
    module, _, found = name.partition(":")
    # `UCR:GunPoint` is a slip rather than a module.
    return module.lower() not in _FAMILIES and all(
        part.isidentifier() for part in (*module.split("."), *found.split("."))
    )


def _as_shipped(
    name: str, load: Callable[[], LabeledData]
) -> Callable[[_Preprocessing], LabeledData]:
    def reader(preprocessing: _Preprocessing) -> LabeledData:
        if preprocessing is not None:
            raise ValueError(f"{name!r} is left as it is; no preprocessing={preprocessing!r}")
        return load()

    return reader


def _unknown(name: str) -> ValueError:
    fixed = (*available(), *_FILES)
    own = ", ".join(one for one in known() if one not in available())
    return ValueError(
        f"unknown data {name!r}: there is {', '.join(available())}, "
        f"and from a folder of yours (root=, --data-dir) {own}{meant(name, fixed)}"
    )
