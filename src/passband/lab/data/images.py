"""What all image sets share: a fixed split where none is published, and the range of pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from passband.lab.data.labeled import LabeledData, Part


def split_by_class(images: Tensor, labels: Tensor) -> tuple[Part, Part]:
    """Takes the first four fifths of each class, in the order of the file, for training.

    No random number is involved, so the split is the same for every seed, machine and library
    version. Neighbours in such files tend to come from one writer: cutting each class once, rather
    than picking here and there, makes the test set one of mostly unseen writers.

    Args:
        images: `(N, C, *space)`.
        labels: `(N,)` integers.

    Returns:
        The training and the test part; both keep the order of the file.
    """
    in_train = torch.zeros(len(labels), dtype=torch.bool)
    for label in set(labels.tolist()):
        members = (labels == label).nonzero().squeeze(1)
        in_train[members[: len(members) * 4 // 5]] = True
    train, test = (
        Part(images[chosen], [str(label) for label in labels[chosen].tolist()])
        for chosen in (in_train, ~in_train)
    )
    return train, test


def prepared(
    name: str,
    train: Part,
    test: Part,
    preprocessing: str | None = None,
    classes: Sequence[str] | None = None,
) -> LabeledData:
    """Applies a recipe of `PREPROCESSING` to images in memory.

    Args:
        name: the name of the data set.
        train: images `(N, C, height, width)`: bytes, or pixels in [0, 1].
        test: the same.
        preprocessing: a key of `PREPROCESSING`; None is "standardized".
        classes: see `LabeledData.from_parts`.
    """
    train, test = (part._replace(maps=_unit(part.maps)) for part in (train, test))
    change = PREPROCESSING[preprocessing or "standardized"]
    return LabeledData.from_parts(name, *change(train, test), classes)


def standardized(train: Part, test: Part) -> tuple[Part, Part]:
    """Brings every channel of the training images to mean 0 and standard deviation 1.

    The test images are shifted and scaled by the same numbers: nothing is learnt from them. A
    channel without contrast is only shifted.
    """
    over = (0, *range(2, train.maps.ndim))
    std, mean = torch.std_mean(train.maps, dim=over, correction=0, keepdim=True)
    std[std == 0] = 1
    train, test = (part._replace(maps=(part.maps - mean).div_(std)) for part in (train, test))
    return train, test


def unit(train: Part, test: Part) -> tuple[Part, Part]:
    """Leaves pixels in [0, 1], as in SpecNet's experiments on MNIST."""
    return train, test


PREPROCESSING: Mapping[str, Callable[[Part, Part], tuple[Part, Part]]] = {
    "standardized": standardized,
    "unit": unit,
}
"""What is done to pixels in [0, 1], by name: a function of the training and the test images."""


def _unit(maps: Tensor) -> Tensor:
    return maps if maps.is_floating_point() else maps.to(torch.float32).div_(255)
