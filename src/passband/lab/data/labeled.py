"""Labelled training and test maps, the form in which every data set arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset, TensorDataset

from passband.lab.data.split import tails

Samples = Dataset[Any]
"""A map-style data set of maps, float32 `(C, *space)`, and class indices.

One that is read sample by sample may have two attributes more: `labels`, the class indices int64
`(N,)`, which spares reading maps for them, and `plain`, the same samples without what is random.
"""


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
    def from_parts(
        cls, name: str, train: Part, test: Part, classes: Sequence[str] | None = None
    ) -> LabeledData:
        """Numbers the classes.

        Args:
            name: the name of the data.
            train: the training set.
            test: the test set.
            classes: in the order of their numbers; None takes those of the training set, in
                numerical order where they are numbers.

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
        classes = tuple(classes or in_order(train.labels))
        unseen = list(in_order([one for one in test.labels if one not in classes]))
        if unseen:
            raise ValueError(
                f"{name}: the test set has classes {unseen}, the training set only {list(classes)}"
            )
        return cls(name, _indexed(train, classes), _indexed(test, classes), classes)

    def hold_out(self, share: float) -> LabeledData:
        """Moves the tail of each class of the training set to a validation set.

        No random number is involved: each class is cut once, in the order of the file, since
        neighbours in such files tend to be alike. The test set takes no part. Maps are read only
        where there is no other way to the labels.

        Args:
            share: of each class, above 0 and below 1, rounded to whole samples; of a class that has
                two or more, at least one is held out and at least one stays.

        Raises:
            ValueError: there is a validation set already, the share is not between 0 and 1, or a
                class has fewer than two samples.

        Example:
            >>> from passband.lab.data import load, size
            >>> held = load("digits").hold_out(0.1)
            >>> size(held.train), size(held.validation), size(held.test)
            (1290, 143, 364)
        """
        if self.validation is not None:
            raise ValueError(
                f"{self.name}: {size(self.validation)} samples were held out before; "
                "hold out of data that has no validation set"
            )
        try:
            kept, held = tails(labels(self.train), share)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error
        return replace(
            self, train=Subset(self.train, kept), validation=Subset(plain(self.train), held)
        )

    def limited(self, count: int) -> LabeledData:
        """Fewer samples to train on, from all over the training set, whose order may be by class.

        Raises:
            ValueError: there are not so many.

        Example:
            >>> from passband.lab.data import load
            >>> size(load("digits").limited(100).train)
            100
        """
        there = size(self.train)
        if not 1 <= count <= there:
            raise ValueError(f"{self.name}: {there} samples to train on; got a limit of {count}")
        return replace(self, train=Subset(self.train, [n * there // count for n in range(count)]))

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
        """Samples of a map on each axis, `(length,)` for series, `(height, width)` for images."""
        return self._shape[1:]

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self.test[0][0].shape)  # of the training set, 0 may be drawn at random


def size(samples: Samples) -> int:
    """How many there are."""
    return len(cast("Sequence[object]", samples))


def gather(samples: Samples, chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Some of the samples side by side: maps `(n, C, *space)`, and class indices int64 `(n,)`.

    They are copies: a view would hold, and be counted as, the storage of the whole data set.
    """
    if isinstance(samples, TensorDataset):
        maps, targets = samples[list(chosen)]
        return maps, targets
    if isinstance(samples, Subset):
        return gather(samples.dataset, [samples.indices[index] for index in chosen])
    found = [samples[index] for index in chosen]
    return torch.stack([one[0] for one in found]), torch.tensor([int(one[1]) for one in found])


def whole(samples: Samples) -> tuple[Tensor, Tensor]:
    """All of the samples side by side; see `gather`."""
    return gather(samples, range(size(samples)))


def first(samples: Samples, count: int) -> tuple[Tensor, Tensor]:
    """The first of the samples, at most `count`; see `gather`."""
    return gather(samples, range(min(count, size(samples))))


def labels(samples: Samples) -> Tensor:
    """The class indices, int64 `(N,)`; maps are read only where there is no other way to them."""
    if isinstance(samples, TensorDataset):
        return samples.tensors[1]
    if isinstance(samples, Subset):
        return labels(samples.dataset)[list(samples.indices)]
    known = getattr(samples, "labels", None)
    if known is not None:
        return torch.as_tensor(known, dtype=torch.int64)
    return torch.tensor([int(samples[index][1]) for index in range(size(samples))])


def plain(samples: Samples) -> Samples:
    """The same samples as one measures on: without random crops and mirroring, if it makes any."""
    if isinstance(samples, Subset):
        return Subset(plain(samples.dataset), samples.indices)
    return cast("Samples", getattr(samples, "plain", samples))


def in_memory(samples: Samples) -> bool:
    """Whether all maps are there already."""
    if isinstance(samples, Subset):
        return in_memory(samples.dataset)
    return isinstance(samples, TensorDataset)


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """The different names of classes, in numerical order where they are numbers."""
    return tuple(sorted(set(names), key=_numbers_first))


def _numbers_first(label: str) -> tuple[bool, float, str]:
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def _indexed(part: Part, classes: tuple[str, ...]) -> TensorDataset:
    index = {label: i for i, label in enumerate(classes)}
    targets = torch.tensor([index[label] for label in part.labels], dtype=torch.int64)
    return TensorDataset(part.maps.to(torch.float32), targets)
