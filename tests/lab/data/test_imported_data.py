import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from passband.lab.data import LabeledData, labels, load, resized, size, takes_root, whole
from passband.lab.data.labeled import in_memory


class Pairs:
    """A map-style data set that is none of torch's, and counts what is read."""

    def __init__(self, maps: Any, targets: Any, **attributes: Any) -> None:
        self.maps, self.given, self.read = maps, targets, 0
        self.__dict__.update(attributes)

    def __len__(self) -> int:
        return len(self.given)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self.read += 1
        return self.maps[index], self.given[index]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("own_data")
    monkeypatch.setitem(sys.modules, "own_data", made)
    return made


MAPS = torch.rand(6, 2, 4, 4, generator=torch.Generator().manual_seed(0))
TARGETS = [0, 1, 2, 0, 1, 2]


def both(maps: Any = MAPS, targets: Any = TARGETS, **attributes: Any) -> tuple[Pairs, Pairs]:
    return Pairs(maps, targets, **attributes), Pairs(maps, targets, **attributes)


def test_a_function_that_gives_two_data_sets(module: ModuleType) -> None:
    module.make = both  # type: ignore[attr-defined]
    data = load("own_data:make")
    assert (data.name, data.classes, data.space) == ("own_data:make", ("0", "1", "2"), (4, 4))
    for part in (data.train, data.test):
        assert not in_memory(part)
        maps, found = whole(part)
        assert torch.equal(maps, MAPS)
        assert found.tolist() == TARGETS


@pytest.mark.parametrize("kind", ["object", "class", "labeled", "module attribute"])
def test_objects_with_parts(module: ModuleType, kind: str) -> None:
    train, test = both()

    class Holder:
        def __init__(self) -> None:
            self.train, self.test, self.classes = train, test, ["x", "y", "z"]

    made: dict[str, Any] = {
        "object": Holder(),
        "class": Holder,
        "labeled": LabeledData("other", train, test, ("x", "y", "z")),  # type: ignore[arg-type]
        "module attribute": SimpleNamespace(train=train, test=test, classes="xyz", validation=test),
    }
    module.it = made[kind]  # type: ignore[attr-defined]
    data = load("own_data:it")
    assert data.classes == ("x", "y", "z")
    assert (data.validation is not None) is (kind == "module attribute")
    assert torch.equal(whole(data.test)[0], MAPS)


def test_root_is_given_to_who_takes_it(module: ModuleType, tmp_path: Path) -> None:
    given: list[Any] = []

    def make(root: Path | None = None) -> tuple[Pairs, Pairs]:
        given.append(root)
        return both()

    def needs(root: Path, more: int = 3) -> tuple[Pairs, Pairs]:
        return make(root)

    module.make, module.needs, module.both = make, needs, both  # type: ignore[attr-defined]
    load("own_data:make")
    load("own_data:make", tmp_path)
    load("own_data:needs", str(tmp_path))
    load("own_data:both", tmp_path)
    assert given == [None, tmp_path, tmp_path]
    assert takes_root("own_data:make")
    with pytest.raises(ValueError, match="own_data:needs: needs a root"):
        load("own_data:needs")


def test_labels_that_are_announced_spare_reading_maps(module: ModuleType) -> None:
    train, test = both(targets=TARGETS * 50, maps=MAPS.repeat(50, 1, 1, 1))
    train.labels, test.targets = TARGETS * 50, torch.tensor(TARGETS * 50)  # type: ignore[attr-defined]
    module.it = train, test  # type: ignore[attr-defined]
    held = load("own_data:it").hold_out(0.1)
    assert held.validation is not None
    assert labels(held.validation).tolist() == [0, 1, 2] * 10
    assert train.read + test.read < 10


def test_what_is_announced_before_a_transform_is_not_believed(module: ModuleType) -> None:
    train, test = both(targets=[1, 0] * 3, labels=[5, 7] * 3, target_transform=lambda one: one)
    module.it = train, test  # type: ignore[attr-defined]
    assert labels(load("own_data:it").train).tolist() == [1, 0] * 3


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        (["b", "a", "10", "9", "b", "a"], ("9", "10", "a", "b")),
        (np.array([1, 0, 2, 1, 0, 2]), ("0", "1", "2")),
        (list(np.array([1, 0, 2, 1, 0, 2])), ("0", "1", "2")),
        (list(torch.tensor([1, 0, 2, 1, 0, 2])), ("0", "1", "2")),
    ],
)
def test_labels_are_numbers_or_names(
    module: ModuleType, targets: Any, classes: tuple[str, ...]
) -> None:
    module.it = both(targets=targets)  # type: ignore[attr-defined]
    data = load("own_data:it")
    assert data.classes == classes
    assert [data.classes[i] for i in labels(data.train).tolist()] == [
        str(one.item() if isinstance(one, Tensor) else one) for one in targets
    ]


@pytest.mark.parametrize("lazy", [False, True])
def test_maps_of_other_types(module: ModuleType, lazy: bool) -> None:
    bytes_, doubles = (MAPS * 255).to(torch.uint8), MAPS.double()
    for maps, expected in ((bytes_, bytes_ / 255), (doubles, MAPS)):
        made: Any = TensorDataset(maps, torch.tensor(TARGETS))
        module.it = both(maps.numpy()) if lazy else (made, made)  # type: ignore[attr-defined]
        data = load("own_data:it")
        assert in_memory(data.train) is not lazy
        assert torch.equal(whole(data.train)[0], expected)


def test_images_of_pillow(module: ModuleType) -> None:
    image_module = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    module.rgb = both([image_module.fromarray(one) for one in pixels])  # type: ignore[attr-defined]
    maps = whole(load("own_data:rgb").train)[0]
    np.testing.assert_allclose(maps, pixels.transpose(0, 3, 1, 2) / 255, atol=1e-7)
    module.grey = both([image_module.fromarray(one[..., 0]) for one in pixels])  # type: ignore[attr-defined]
    assert whole(load("own_data:grey").train)[0].shape == (6, 1, 5, 4)


def test_subsets_and_what_is_done_with_other_data(module: ModuleType) -> None:
    tensors = TensorDataset(MAPS, torch.tensor(TARGETS))
    module.it = Subset(tensors, [0, 1, 2]), Subset(tensors, [5])  # type: ignore[attr-defined]
    data = resized(load("own_data:it"), 2)
    assert (size(data.train), whole(data.test)[0].shape) == (3, (1, 2, 2, 2))


BROKEN = MAPS.clone()
BROKEN[0, 1, 2, 3] = float("nan")


def case(function: Callable[[], Any], message: str) -> Any:
    return pytest.param(function, message, id=message)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        case(lambda: 5, ": gives a int; it should be the training and the test set"),
        case(lambda: both()[0], ": gives a Pairs; it should be"),
        case(lambda: (1, 2), "training set: a int is no map-style data set"),
        case(lambda: (iter(MAPS), MAPS), r"no map-style data set, with len\(\) and \[index\]"),
        case(lambda: both([], []), "training set: it is empty"),
        case(lambda: both(targets=[1, 2, 3] * 2), "has the labels 1, 2, 3; they are 0 to C - 1"),
        case(lambda: both(targets=[0, 2] * 3), "has the labels 0, 2; they are 0 to C - 1"),
        case(lambda: both(targets=[0.5] * 6), "sample 0: label 0.5; a label is an integer or"),
        case(lambda: both(targets=[-1, 0] * 3), "has the labels -1, 0"),
        case(lambda: (both()[0], both(targets=[3] * 6)[0]), "test set, sample 0: label 3; labels"),
        case(
            lambda: (both(targets=["a"] * 6)[0], both(targets=["b"] * 6)[0]),
            "test set, sample 0: class 'b'; there is a",
        ),
        case(lambda: both(labels=[0]), "training set: 1 labels for 6 samples"),
        case(lambda: both(BROKEN), "training set, sample 0: NaN or infinity"),
        case(lambda: both(MAPS.long()), "sample 0: a map of torch.int64; it is of floating point"),
        case(lambda: both(MAPS.to(torch.complex64)), "sample 0: a map of torch.complex64"),
        case(lambda: both(MAPS[:, 0, 0]), r"sample 0: a map of \(4,\), not \(channels, \*space\)"),
        case(lambda: both(MAPS[:, :0]), r"sample 0: a map of \(0, 4, 4\), not"),
        case(lambda: both(["text"] * 6), "sample 0: a map is a tensor, .* got str"),
        case(
            lambda: (both()[0], both(MAPS[..., :3])[0]),
            r"test set, sample 0: a map of \(2, 4, 3\), but the first of the training set has",
        ),
        case(
            lambda: (TensorDataset(MAPS), TensorDataset(MAPS)),
            "training set, sample 0: a tuple; a sample is a pair of a map and a label",
        ),
    ],
)
def test_what_cannot_be_used(module: ModuleType, function: Callable[[], Any], message: str) -> None:
    module.it = function  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=f"^own_data:it.*{message}"):
        load("own_data:it")


def test_a_later_map_is_checked_as_it_is_read(module: ModuleType) -> None:
    maps = [*MAPS[:3], MAPS[3, :1], BROKEN[0], "x"]
    module.it = both(maps)  # type: ignore[attr-defined]
    train = load("own_data:it").train
    for index, message in (
        (3, r"training set, sample 3: a map of \(1, 4, 4\), but the first .* \(2, 4, 4\)"),
        (4, "sample 4: NaN or infinity"),
        (5, "sample 5: a map is a tensor"),
    ):
        with pytest.raises(ValueError, match=message):
            train[index]


def test_functions_that_need_more_and_preprocessing_that_there_is_not(module: ModuleType) -> None:
    module.needs = lambda folder, root: both()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="own_data:needs: needs folder, root; it may take root"):
        load("own_data:needs", ".")
    module.it = both  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="'own_data:it' is left as it is"):
        load("own_data:it", preprocessing="unit")
    with pytest.raises(ValueError, match="module 'own_data' has no 'other'"):
        load("own_data:other")
