"""Samples that somebody else's code gives, brought into our form and checked as they are read."""

from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset, TensorDataset

from passband.lab.data.labeled import LabeledData, Samples, in_order
from passband.lab.data.picture import to_map


def checked(
    name: str,
    train: Any,
    test: Any,
    validation: Any = None,
    classes: Sequence[str] | None = None,
) -> LabeledData:
    """Labelled data from map-style data sets of pairs of a map and a label.

    Maps are tensors or arrays `(C, *space)`, of floating point or of bytes, which become pixels in
    [0, 1], or pillow images. Labels are the integers 0 to C - 1, or names of classes. All are
    looked at as they are read; labels are read now, unless a data set has them as `labels` or
    `targets`, or is a `TensorDataset`.

    Args:
        name: the name of the data.
        train: the training set.
        test: the test set.
        validation: the validation set, if there is one.
        classes: the name of each class; None takes the names that are labels of the training set,
            or numbers.

    Raises:
        ValueError: something is no map-style data set, or empty; a label is none, or the labels of
            the training set are not all of 0 to C - 1; the first map of a part cannot be used.
            What is wrong with a later one is raised as it is read.
    """
    parts = {"training": train, "test": test}
    if validation is not None:
        parts["validation"] = validation
    labels = {role: _labels(f"{name}, {role} set", part) for role, part in parts.items()}
    known = tuple(classes) if classes else _classes(name, labels["training"])
    shape: tuple[int, ...] | None = None
    found: dict[str, Samples] = {}
    for role, part in parts.items():
        shown = f"{name}, {role} set"
        indices = [_index(shown, at, one, known) for at, one in enumerate(labels[role])]
        made = _Checked(shown, part, torch.tensor(indices), shape)
        shape = made.shape
        found[role] = made
        if isinstance(part, TensorDataset):
            found[role] = TensorDataset(_usable(shown, part.tensors[0]), made.labels)
    return LabeledData(name, found["training"], found["test"], known, found.get("validation"))


class _Checked(Dataset[Any]):
    def __init__(
        self, shown: str, samples: Any, labels: Tensor, shape: tuple[int, ...] | None
    ) -> None:
        self.shown, self.samples, self.labels = shown, samples, labels
        self.shape = shape or tuple(self._map(0).shape)
        self[0]  # its shape is that of the other parts

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        found = self._map(index)
        if tuple(found.shape) != self.shape:
            raise ValueError(
                f"{self.shown}, sample {index}: a map of {tuple(found.shape)}, but the first of "
                f"the training set has (channels, *space) {self.shape}; all must be the same"
            )
        return found, int(self.labels[index])

    def _map(self, index: int) -> Tensor:
        shown = f"{self.shown}, sample {index}"
        found, _ = _pair(shown, self.samples[index])
        pillow = sys.modules.get("PIL.Image")  # whoever has an image has imported it
        if pillow is not None and isinstance(found, pillow.Image):
            return to_map(found)
        made = _usable(shown, found)
        if made.ndim < 2 or not made.numel():
            raise ValueError(f"{shown}: a map of {tuple(made.shape)}, not (channels, *space)")
        return made


def _pair(shown: str, sample: Any) -> tuple[Any, Any]:
    if not isinstance(sample, tuple | list) or len(sample) != 2:
        raise ValueError(
            f"{shown}: a {type(sample).__name__}; a sample is a pair of a map and a label"
        )
    return sample[0], sample[1]


def _usable(shown: str, found: Any) -> Tensor:
    """One map or several, as float32 in the memory of the CPU."""
    try:
        made = torch.as_tensor(found)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{shown}: a map is a tensor, an array or a pillow image; got {type(found).__name__}"
        ) from error
    if made.dtype == torch.uint8:
        made = made / 255
    if not made.is_floating_point():
        raise ValueError(
            f"{shown}: a map of {made.dtype}; it is of floating point, or bytes (uint8)"
        )
    made = made.detach().to("cpu", torch.float32)
    if not bool(made.isfinite().all()):
        raise ValueError(f"{shown}: NaN or infinity in its maps")
    return made


def _labels(shown: str, samples: Any) -> list[Any]:
    """The labels as they are: numbers, or names."""
    if not hasattr(samples, "__len__") or not hasattr(samples, "__getitem__"):
        raise ValueError(
            f"{shown}: a {type(samples).__name__} is no map-style data set, with len() and [index]"
        )
    count = len(samples)
    if not count:
        raise ValueError(f"{shown}: it is empty")
    known = _announced(samples)
    if known is None:
        known = [_pair(f"{shown}, sample {at}", samples[at])[1] for at in range(count)]
    found = known.tolist() if hasattr(known, "tolist") else list(known)
    if len(found) != count:
        raise ValueError(f"{shown}: {len(found)} labels for {count} samples")
    return [one.item() if getattr(one, "shape", None) == () else one for one in found]


def _announced(samples: Any) -> Any:
    """The labels, if they can be had without reading maps."""
    if isinstance(samples, TensorDataset) and len(samples.tensors) == 2:
        return samples.tensors[1]
    if isinstance(samples, Subset):
        known = _announced(samples.dataset)
        return None if known is None else [known[index] for index in samples.indices]
    if getattr(samples, "target_transform", None) is not None:
        return None  # what is announced is not what is given
    known = getattr(samples, "labels", None)
    return getattr(samples, "targets", None) if known is None else known


def _classes(name: str, labels: Sequence[Any]) -> tuple[str, ...]:
    if all(isinstance(one, str) for one in labels):
        return in_order(labels)
    numbers = sorted({one for one in labels if isinstance(one, int)})
    if numbers != list(range(len(numbers))):
        raise ValueError(
            f"{name}: the training set has the labels {_few(numbers)}; they are 0 to C - 1, each "
            "there at least once, unless the names of the classes are given"
        )
    return tuple(str(number) for number in numbers)


def _index(shown: str, at: int, label: Any, classes: tuple[str, ...]) -> int:
    if isinstance(label, str):
        if label not in classes:
            raise ValueError(f"{shown}, sample {at}: class {label!r}; there is {_few(classes)}")
        return classes.index(label)
    try:
        index = operator.index(label)
    except TypeError as error:
        raise ValueError(
            f"{shown}, sample {at}: label {label!r}; a label is an integer or the name of a class"
        ) from error
    if not 0 <= index < len(classes):
        raise ValueError(f"{shown}, sample {at}: label {index}; labels are 0 to {len(classes) - 1}")
    return index


def _few(values: Sequence[object]) -> str:
    some = ", ".join(str(value) for value in values[:10])
    return some if len(values) <= 10 else f"{some}, …"
