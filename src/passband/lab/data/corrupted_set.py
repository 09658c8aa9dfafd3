"""Corrupted test images in folders of the user's, as CIFAR-10-C and ImageNet-C are published.

Hendrycks and Dietterich 2019 (arXiv:1903.12261). Nothing of a file is believed: arrays are mapped
into memory and never unpickled, and their type and shape are checked before a pixel is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from passband.lab.data import corrupted_arrays, corrupted_images
from passband.lab.data.files import missing
from passband.lab.data.labeled import LabeledData, Samples


@dataclass(frozen=True, eq=False)
class CorruptedSet:
    """Corrupted test images.

    Attributes:
        names: Of the corruptions.
        read: From a name and a severity: images with pixels in [0, 1], and class indices.
    """

    names: tuple[str, ...]
    read: Callable[[str, int], Samples]


def open_set(
    folder: Path, loaded: LabeledData, names: Sequence[str] | None, severities: Sequence[int]
) -> CorruptedSet:
    """Looks at a folder: whether all that is wanted is there, and of the right form.

    ============ =================================================================================
    CIFAR-10-C   `NAME.npy`, bytes `(5 N, height, width, channels)`, the severities one after
                 another, and `labels.npy` `(5 N,)`
    ImageNet-C   `NAME/SEVERITY/CLASS/*`, images
    ============ =================================================================================

    Args:
        folder: of either form.
        loaded: the data that the images belong to, of its original size.
        names: of the corruptions; None takes all that are there.
        severities: those that are wanted.

    Raises:
        FileNotFoundError: the folder, a file or a folder in it is missing.
        ValueError: a file is damaged, cut short or of another form, or the images do not belong to
            the data.
    """
    if not folder.is_dir():
        raise missing(folder, f"a folder as CIFAR-10-C or ImageNet-C at {folder}")
    arrays = sorted(path.stem for path in folder.glob("*.npy") if path.stem != "labels")
    folders = sorted(entry.name for entry in folder.iterdir() if (entry / "1").is_dir())
    there = arrays or folders
    if not there:
        raise ValueError(
            f"{folder}: neither NAME.npy, as in CIFAR-10-C, nor NAME/1/CLASS/, as in ImageNet-C"
        )
    wanted = tuple(names or there)
    absent = [name for name in wanted if name not in there]
    if absent:
        raise ValueError(f"{folder}: no {', '.join(absent)}; there is {', '.join(there)}")
    kind = corrupted_arrays if arrays else corrupted_images
    return CorruptedSet(wanted, kind.reader(folder, loaded, wanted, severities))
