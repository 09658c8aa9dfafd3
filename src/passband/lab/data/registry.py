"""Which data sets there are, by name. To add one, write its reader and name it here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from passband.lab.data import digits, mnist5k, ucr
from passband.lab.data.labeled import LabeledData

_BUNDLED: Mapping[str, Callable[[], LabeledData]] = {
    "mnist-5k": mnist5k.load,
    "digits": digits.load,
    **{f"ucr:{problem}": partial(ucr.load, problem) for problem in ucr.BUNDLED},
}
# Read from the user's folder; the name is `family:member`.
_FROM_ROOT: Mapping[str, Callable[[str, Path], LabeledData]] = {"ucr": ucr.load}


def available() -> tuple[str, ...]:
    """The names that load without a root: their data ships in a package of the ``lab`` extra."""
    return tuple(_BUNDLED)


def takes_root(name: str) -> bool:
    """Whether `load` reads this data from the user's folder if it is given one."""
    family, _, member = name.partition(":")
    return family in _FROM_ROOT and bool(member)


def load(name: str, root: str | os.PathLike[str] | None = None) -> LabeledData:
    """Loads labelled data; nothing is ever downloaded.

    Images are scaled to [0, 1], then standardised by the mean and standard deviation of each
    channel over the training set. Series are left as their archive ships them.

    Args:
        name: one of `available()`, or with a root `ucr:NAME`, a problem of the UCR/UEA archive.
        root: the folder of your own data. For `ucr:NAME` it holds `NAME/NAME_TRAIN` and
            `NAME/NAME_TEST`, both `.ts`, `.tsv`, `.csv`, `.txt` or without an ending. Without
            a root the data that ships in a package is read.

    Raises:
        TypeError: the name is not a string, or the root not a path.
        ValueError: the name is unknown, or a data file is damaged or cannot be used.
        FileNotFoundError: the root lacks a folder or a file.
        ImportError: a package of the ``lab`` extra is missing.

    Example:
        >>> data = load("digits")
        >>> data.num_classes, data.in_channels, data.space, len(data.train)
        (10, 1, (8, 8), 1433)
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of the data is a str; got {name!r}")
    if root is None:
        if name not in _BUNDLED:
            raise _unknown(name)
        return _BUNDLED[name]()
    if not isinstance(root, str | os.PathLike):
        raise TypeError(f"root is a path or None; got {root!r}")
    if takes_root(name):
        family, _, member = name.partition(":")
        return _FROM_ROOT[family](member, Path(root))
    if name in _BUNDLED:
        raise ValueError(f"{name!r} ships in a package and takes no root, but root={str(root)!r}")
    raise _unknown(name)


def _unknown(name: str) -> ValueError:
    near = get_close_matches(name.lower(), [known.lower() for known in _BUNDLED], n=1)
    meant = "".join(f"; did you mean {known!r}?" for known in _BUNDLED if known.lower() in near)
    own = ", ".join(f"{family}:NAME" for family in _FROM_ROOT)
    return ValueError(
        f"unknown data {name!r}: there is {', '.join(_BUNDLED)}, "
        f"and from a folder of yours (root=) {own}{meant}"
    )
