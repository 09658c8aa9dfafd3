import pytest
import torch

from passband.lab.data import whole
from passband.lab.data.labeled import LabeledData, Part


def part(labels: list[str], channels: int = 1, length: int = 4) -> Part:
    return Part(torch.zeros(len(labels), channels, length, dtype=torch.float64), labels)


def test_shapes_and_types_are_those_of_the_training_maps() -> None:
    data = LabeledData.from_parts("x", part(["a", "b"], 3, 7), part(["b"], 3, 7))
    maps, targets = whole(data.train)
    assert (data.num_classes, data.in_channels, data.space) == (2, 3, (7,))
    assert (maps.dtype, targets.dtype) == (torch.float32, torch.int64)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["10", "9", "1"], ("1", "9", "10")),
        (["1", "-1"], ("-1", "1")),
        (["b", "a", "b"], ("a", "b")),
        (["x", "2", "10"], ("2", "10", "x")),
    ],
)
def test_classes_are_numbered_in_their_natural_order(
    labels: list[str], classes: tuple[str, ...]
) -> None:
    data = LabeledData.from_parts("x", part(labels), part(labels))
    assert data.classes == classes
    assert [data.classes[i] for i in whole(data.train)[1]] == labels


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (part([]), part(["a"]), "x: the training set is empty"),
        (part(["a"]), part([]), "x: the test set is empty"),
        (part(["a"]), part(["a", "c"]), r"classes \['c'\], the training set only \['a'\]"),
        (part(["a"]), part(["a"], length=5), r"\(1, 4\), test maps \(1, 5\)"),
        (part(["a"], channels=2), part(["a"]), r"\(2, 4\), test maps \(1, 4\)"),
    ],
)
def test_parts_that_do_not_fit(train: Part, test: Part, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabeledData.from_parts("x", train, test)
