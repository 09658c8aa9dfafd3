"""Time series classification problems of the UCR/UEA archive, as https://timeseriesclassification.com.

A few ship in the aeon package; any other is read from the user's copy of the archive, a folder or
the `.zip` as it was downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from passband.lab.data import archive
from passband.lab.data.labeled import LabeledData, Part
from passband.lab.data.packages import require
from passband.lab.data.series import READERS

BUNDLED = (
    "ItalyPowerDemand", "GunPoint", "ArrowHead", "OSULeaf", "ACSF1", "BasicMotions",
    "PickupGestureWiimoteZ_eq",
)  # fmt: skip
"""Problems with series of equal length in the aeon package; BasicMotions has six channels."""

_PARTS = ("TRAIN", "TEST")


def load(problem: str, root: Path | None = None) -> LabeledData:
    """Reads one problem with the split of the archive; the series are left as they are.

    Args:
        problem: the archive's name of it, such as `GunPoint`; with `_eq` after it, the form with
            series of equal length that the archive has beside one with unequal ones.
        root: the folder with one folder a problem, `NAME/NAME_TRAIN.ts` and so on, or with `.zip`
            archives of such folders; None takes what ships in aeon.

    Raises:
        FileNotFoundError: there is no such folder, or it lacks one of the two files.
        ValueError: a file is damaged, or its series are unequal in length or incomplete; or an
            archive is damaged or hostile.
    """
    if root is None:
        # aeon's public loader by name would fall back to a download; its folder never does.
        root = Path(require("aeon.datasets").__path__[0], "data")
    root = root.expanduser()
    folder = problem.removesuffix("_eq")  # both forms are in it
    train, test = (_read(root, folder, f"{problem}_{part}") for part in _PARTS)
    return LabeledData.from_parts(f"ucr:{problem}", train, test)


def problems(root: str | os.PathLike[str]) -> tuple[str, ...]:
    """The names of all problems in a folder, or in archives in it, in alphabetical order.

    A problem counts if both of its files are there; nothing of them is read.

    Args:
        root: see `load`; `load(f"ucr:{name}", root)` then reads one.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: an archive is damaged or hostile.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"{root} does not exist; expected a folder of UCR problems")
    found = {folder.name for folder in root.iterdir() if folder.is_dir() and _complete(folder)}
    for path in _zips(root):
        names = set(archive.names_of_zip(path))
        stems = {Path(name).name.rpartition("_TRAIN")[0] for name in names}
        found |= {
            stem
            for stem in stems
            if stem and all(_in_zip(path, names, stem, f"{stem}_{part}") for part in _PARTS)
        }
    return tuple(sorted(found))


def _complete(folder: Path) -> bool:
    return all(_in_folder(folder, f"{folder.name}_{part}") for part in _PARTS)


def _read(root: Path, problem: str, stem: str) -> Part:
    folder = root / problem
    if path := _in_folder(folder, stem):
        return _reader(path.name, stem)(path, None)
    for packed in () if folder.is_dir() else _zips(root):
        if name := _in_zip(packed, set(archive.names_of_zip(packed)), problem, stem):
            return _unpacked(packed, name, _reader(name, stem))
    missing = next((at for at in (root, folder) if not at.is_dir()), folder / stem)
    endings = ", ".join(ending or "no ending" for ending in READERS)
    raise FileNotFoundError(
        f"{missing} does not exist; expected {folder / stem} with one of the endings: {endings}"
    )


def _in_folder(folder: Path, stem: str) -> Path | None:
    paths = (folder / f"{stem}{ending}" for ending in READERS)
    return next((path for path in paths if path.is_file()), None)


def _zips(root: Path) -> Iterator[Path]:
    yield from sorted(root.glob("*.zip"))


def _in_zip(path: Path, names: set[str], problem: str, stem: str) -> str | None:
    """The name of a member: in the folder of its problem, and that in one of the archive's name.

    The archive of a single problem may have the two files at its top.
    """
    folders = [f"{problem}/", f"{path.stem}/{problem}/", *([""] if path.stem == problem else ())]
    wanted = (f"{folder}{stem}{ending}" for ending in READERS for folder in folders)
    return next((name for name in wanted if name in names), None)


def _reader(name: str, stem: str) -> Callable[[Path, object], Part]:
    return READERS[name.rpartition(stem)[2]]


def _unpacked(path: Path, name: str, reader: Callable[[Path, object], Part]) -> Part:
    content = archive.of_zip(path, name)
    # aeon's parser wants a file. Its name is ours, none of the archive's.
    with TemporaryDirectory() as folder:
        copy = Path(folder, f"series{Path(name).suffix}")
        copy.write_bytes(content)
        return reader(copy, f"{path}: {name}")
