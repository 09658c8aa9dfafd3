"""Time series classification problems of the UCR/UEA archive, as https://timeseriesclassification.com.

A few ship in the aeon package; any other is read from the user's copy of the archive.
"""

from __future__ import annotations

from pathlib import Path

from passband.lab.data.labeled import LabeledData, Part
from passband.lab.data.packages import require
from passband.lab.data.series import READERS

BUNDLED = ("ItalyPowerDemand", "GunPoint", "ArrowHead", "OSULeaf", "ACSF1", "BasicMotions")
"""Problems with series of equal length in the aeon package; BasicMotions has six channels."""


def load(problem: str, root: Path | None = None) -> LabeledData:
    """Reads one problem with the split of the archive; the series are left as they are.

    Args:
        problem: the archive's name of it, such as `GunPoint`.
        root: the folder with one folder a problem; None takes what ships in aeon.

    Raises:
        FileNotFoundError: there is no such folder, or it lacks one of the two files.
        ValueError: a file is damaged, or its series are unequal in length or incomplete.
    """
    if root is None:
        # aeon's public loader by name would fall back to a download; its folder never does.
        root = Path(require("aeon.datasets").__path__[0], "data")
    train, test = (_read(root.expanduser() / problem, f"{problem}_{p}") for p in ("TRAIN", "TEST"))
    return LabeledData.from_parts(f"ucr:{problem}", train, test)


def _read(folder: Path, stem: str) -> Part:
    for ending, reader in READERS.items():
        path = folder / f"{stem}{ending}"
        if path.is_file():
            return reader(path)
    missing = next((at for at in (folder.parent, folder) if not at.is_dir()), folder / stem)
    endings = ", ".join(ending or "no ending" for ending in READERS)
    raise FileNotFoundError(
        f"{missing} does not exist; expected {folder / stem} with one of the endings: {endings}"
    )
