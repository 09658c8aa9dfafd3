from typing import Any

import pytest
import torch
from torch.utils.data import Dataset

from passband.lab.data import LabeledData, gather, labels, load, size, whole
from passband.lab.data.labeled import Part


def numbered(names: list[str]) -> LabeledData:
    """Maps that are their own position in the training set."""
    maps = torch.arange(float(len(names))).reshape(-1, 1, 1)
    classes = Part(torch.zeros(len(set(names)), 1, 1), sorted(set(names)))
    return LabeledData.from_parts("x", Part(maps, names), classes)


class Lazy(Dataset[Any]):
    """Samples that are counted as they are read, with or without known labels."""

    def __init__(self, targets: list[int], *, known: bool) -> None:
        self.targets = targets
        self.read: list[int] = []
        if known:
            self.labels = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        self.read.append(index)
        return torch.full((1, 1), float(index)), self.targets[index]


def test_the_tail_of_each_class_is_held_out_in_the_order_of_the_file() -> None:
    data = numbered(["a", "b", "a", "a", "b", "a", "b", "a", "c", "c"])
    held = data.hold_out(0.4)  # 2 of 5, 1.2 of 3, 0.8 of 2
    assert held.validation is not None
    maps, targets = whole(held.train)
    assert maps.flatten().tolist() == [0, 1, 2, 3, 4, 8]
    assert targets.tolist() == [0, 1, 0, 0, 1, 2]
    maps, targets = whole(held.validation)
    assert maps.flatten().tolist() == [5, 6, 7, 9]
    assert targets.tolist() == [0, 1, 0, 2]
    assert held.test is data.test
    assert (held.name, held.classes, data.validation) == ("x", data.classes, None)


@pytest.mark.parametrize(
    ("share", "count", "tail"),
    [(0.01, 5, 1), (0.99, 5, 4), (0.5, 5, 3), (0.5, 2, 1), (0.1, 24, 2), (0.1, 25, 3)],
)
def test_shares_are_rounded_to_whole_samples_with_one_on_either_side(
    share: float, count: int, tail: int
) -> None:
    held = numbered(["a"] * count).hold_out(share)
    assert held.validation is not None
    assert (size(held.train), size(held.validation)) == (count - tail, tail)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_that_is_none(share: float) -> None:
    with pytest.raises(ValueError, match=rf"^x: .* above 0 and below 1; got {share}$"):
        numbered(["a", "a"]).hold_out(share)


def test_a_class_with_a_single_sample() -> None:
    with pytest.raises(ValueError, match=r"^x: .* two or more .*: \{1: 1, 2: 1\}$"):
        numbered(["a", "b", "a", "c"]).hold_out(0.5)


def test_nothing_is_held_out_twice() -> None:
    held = numbered(["a"] * 4).hold_out(0.25)
    with pytest.raises(ValueError, match="x: 1 samples were held out before"):
        held.hold_out(0.25)


def test_labels_that_are_known_spare_reading_maps() -> None:
    lazy = Lazy([1, 0, 1, 0], known=True)
    data = LabeledData("x", lazy, Lazy([0, 1], known=True), ("a", "b"))
    held = data.hold_out(0.5)
    assert held.validation is not None
    assert labels(held.validation).tolist() == [1, 0]
    assert lazy.read == []
    maps, targets = gather(held.validation, [1])
    assert (maps.item(), targets.tolist(), lazy.read) == (3, [0], [3])


def test_labels_that_are_not_known_are_read() -> None:
    lazy = Lazy([1, 0, 1, 0], known=False)
    held = LabeledData("x", lazy, lazy, ("a", "b")).hold_out(0.5)
    assert held.validation is not None
    assert labels(held.validation).tolist() == [1, 0]


def test_the_parts_of_real_data_have_every_sample_once() -> None:
    data = load("digits")
    held = data.hold_out(0.2)
    assert held.validation is not None
    assert whole(held.validation)[1].bincount().tolist() == [28, 29, 28, 29, 29, 29, 29, 29, 28, 29]
    rows = [
        image.numpy().tobytes()
        for part in (held.train, held.validation)
        for image in whole(part)[0]
    ]
    assert sorted(rows) == sorted(image.numpy().tobytes() for image in whole(data.train)[0])
