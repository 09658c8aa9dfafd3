"""Labelled training and test maps, the form in which every data set arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import TensorDataset


class Part(NamedTuple):
    """The training or the test half of a data set as a reader finds it.

    Attributes:
        maps: `(N, C, *space)`, any floating-point type.
        labels: the N names of the classes.
    """

    maps: Tensor
    labels: Sequence[str]


@dataclass(frozen=True, eq=False)
class LabeledData:
    """A classification problem with its own, fixed split.

    Attributes:
        name: the name it was loaded by.
        train: maps, float32 `(N, C, *space)`, and class indices, int64 `(N,)`.
        test: the same for the test set.
        classes: the name of each class; a class index is a position in this tuple.
    """

    name: str
    train: TensorDataset
    test: TensorDataset
    classes: tuple[str, ...]

    @classmethod
    def from_parts(cls, name: str, train: Part, test: Part) -> LabeledData:
        """Numbers the classes of the training set, in numerical order where they are numbers.

        Raises:
            ValueError: one part has no maps, the parts differ in channels or space, or the test
                set has a class that the training set lacks.
        """
        for role, part in (("training", train), ("test", test)):
            if not len(part.maps):
                raise ValueError(f"{name}: the {role} set is empty")
        if train.maps.shape[1:] != test.maps.shape[1:]:
            raise ValueError(
                f"{name}: training maps have (channels, *space) {tuple(train.maps.shape[1:])}, "
                f"test maps {tuple(test.maps.shape[1:])}; they must be the same"
            )
        classes = tuple(sorted(set(train.labels), key=_numbers_first))
        unseen = sorted(set(test.labels) - set(classes), key=_numbers_first)
        if unseen:
            raise ValueError(
                f"{name}: the test set has classes {unseen}, the training set only {list(classes)}"
            )
        return cls(name, _indexed(train, classes), _indexed(test, classes), classes)

    @property
    def num_classes(self) -> int:
        """How many classes the training set has."""
        return len(self.classes)

    @property
    def in_channels(self) -> int:
        """Channels of a map."""
        return self.train.tensors[0].shape[1]

    @property
    def space(self) -> tuple[int, ...]:
        """Samples of a map on each axis: `(length,)` of a series, `(height, width)` of an image."""
        return tuple(self.train.tensors[0].shape[2:])


def _numbers_first(label: str) -> tuple[bool, float, str]:
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def _indexed(part: Part, classes: tuple[str, ...]) -> TensorDataset:
    index = {label: i for i, label in enumerate(classes)}
    targets = torch.tensor([index[label] for label in part.labels], dtype=torch.int64)
    return TensorDataset(part.maps.to(torch.float32), targets)
