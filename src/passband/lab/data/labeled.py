"""Labelled training and test maps, the form in which every data set arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

Samples = Dataset[Any]
"""A map-style data set of maps, float32 `(C, *space)`, and class indices."""


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
        train: maps, float32 `(C, *space)`, and class indices, in memory (a `TensorDataset`) or read
            one by one.
        test: the same for the test set.
        classes: the name of each class; a class index is a position in this tuple.
        validation: samples that were held out of the training set, see `hold_out`.
    """

    name: str
    train: Samples
    test: Samples
    classes: tuple[str, ...]
    validation: Samples | None = None

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
        return self._shape[0]

    @property
    def space(self) -> tuple[int, ...]:
        """Samples of a map on each axis: `(length,)` of a series, `(height, width)` of an image."""
        return self._shape[1:]

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self.train[0][0].shape)


def size(samples: Samples) -> int:
    """How many there are."""
    return len(cast("Sequence[object]", samples))


def gather(samples: Samples, chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Some of the samples side by side: maps `(n, C, *space)`, and class indices int64 `(n,)`.

    They are copies: a view would hold, and be counted as, the storage of the whole data set.
    """
    if isinstance(samples, TensorDataset):
        maps, labels = samples[list(chosen)]
        return maps, labels
    found = [samples[index] for index in chosen]
    return torch.stack([one[0] for one in found]), torch.tensor([int(one[1]) for one in found])


def whole(samples: Samples) -> tuple[Tensor, Tensor]:
    """All of the samples side by side; see `gather`."""
    return gather(samples, range(size(samples)))


def first(samples: Samples, count: int) -> tuple[Tensor, Tensor]:
    """The first of the samples, at most `count`; see `gather`."""
    return gather(samples, range(min(count, size(samples))))


def _numbers_first(label: str) -> tuple[bool, float, str]:
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def _indexed(part: Part, classes: tuple[str, ...]) -> TensorDataset:
    index = {label: i for i, label in enumerate(classes)}
    targets = torch.tensor([index[label] for label in part.labels], dtype=torch.int64)
    return TensorDataset(part.maps.to(torch.float32), targets)
