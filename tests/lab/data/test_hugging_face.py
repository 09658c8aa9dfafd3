"""With the package where it is installed; CI has it not, so what it is told is also stubbed."""

import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from passband.lab.data import labels, load, whole
from passband.lab.data.labeled import in_memory

image_module = pytest.importorskip("PIL.Image")


class Image:
    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class ArrayXD:
    pass


class ClassLabel:
    def __init__(self, names: list[str]) -> None:
        self.names = names


class Value:
    pass


class Split:
    """The part of `datasets.Dataset` that is used, over a list of rows."""

    def __init__(self, rows: list[dict[str, Any]], features: dict[str, Any]) -> None:
        self.rows, self.features = rows, features
        self.form: str | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return [row[key] for row in self.rows]
        row = self.rows[key]
        if self.form == "torch":
            return {name: torch.tensor(value) for name, value in row.items()}
        if any(isinstance(kind, Image) and kind.decode for kind in self.features.values()):
            raise AssertionError("an image was to be decoded by the package")
        return row

    def cast_column(self, name: str, kind: Any) -> "Split":
        return Split(self.rows, {**self.features, name: kind})

    def select_columns(self, names: list[str]) -> "Split":
        rows = [{name: row[name] for name in names} for row in self.rows]
        return Split(rows, {name: self.features[name] for name in names})

    def with_format(self, form: str | None) -> "Split":
        made = Split(self.rows, self.features)
        made.form = form
        return made


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stub of the package; `hub.splits` is what it loads, `hub.asked` what it was asked for."""
    made: Any = ModuleType("datasets")
    made.Image, made.ClassLabel, made.asked, made.splits = Image, ClassLabel, [], {}
    made.Array2D = made.Array3D = made.Array4D = ArrayXD

    def load_dataset(path: str) -> dict[str, Split]:
        made.asked.append(("load_dataset", path))
        if isinstance(made.splits, Exception):
            raise made.splits
        return dict(made.splits)

    def load_from_disk(path: str) -> dict[str, Split]:
        made.asked.append(("load_from_disk", path))
        return dict(made.splits)

    made.load_dataset, made.load_from_disk = load_dataset, load_from_disk
    monkeypatch.setitem(sys.modules, "datasets", made)
    return made


def encoded(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    image_module.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 5), dtype=np.uint8)
FEATURES: dict[str, Any] = {
    "id": Value(), "image": Image(), "label": ClassLabel(["cat", "dog"]),
}  # fmt: skip


def pictures(count: int = 4) -> Split:
    rows = [
        {"id": i, "image": {"bytes": encoded(PIXELS[i]), "path": None}, "label": i % 2}
        for i in range(count)
    ]
    return Split(rows, FEATURES)


def test_images_and_labels_are_found_by_their_features(hub: Any) -> None:
    hub.splits = {"train": pictures(), "test": pictures(1)}
    data = load("hf:some/name", preprocessing="unit")
    assert hub.asked == [("load_dataset", "some/name")]
    assert (data.name, data.classes, data.space) == ("hf:some/name", ("cat", "dog"), (6, 5))
    assert not in_memory(data.train)
    assert labels(data.train).tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(whole(data.train)[0][:, 0], PIXELS / 255, atol=1e-7)


def test_images_are_standardised_by_the_training_set(hub: Any) -> None:
    hub.splits = {"train": pictures(), "test": pictures(1)}
    data = load("hf:x")
    expected = (PIXELS - PIXELS.mean()) / PIXELS.std()
    np.testing.assert_allclose(whole(data.train)[0][:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(whole(data.test)[0][:, 0], expected[:1], atol=1e-5)


def test_series_and_names_of_classes(hub: Any) -> None:
    features = {"series": ArrayXD(), "target": Value()}
    rows = [{"series": [[1.0, 2.0, i]], "target": "ab"[i % 2]} for i in range(3)]
    hub.splits = {"train": Split(rows, features), "validation": Split(rows[:1], features)}
    data = load("hf:x")
    assert (data.classes, data.space) == (("a", "b"), (3,))
    assert whole(data.train)[0].tolist() == [[[1, 2, 0]], [[1, 2, 1]], [[1, 2, 2]]]
    assert data.validation is None


def test_the_validation_split(hub: Any) -> None:
    hub.splits = {"train": pictures(), "validation": pictures(2), "test": pictures(3)}
    data = load("hf:x")
    assert data.validation is not None
    assert (len(labels(data.validation)), len(labels(data.test))) == (2, 3)


def test_a_folder_is_read_from_the_disk(hub: Any, tmp_path: Path) -> None:
    hub.splits = {"train": pictures(), "test": pictures()}
    (tmp_path / "saved").mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "saved" / "dataset_dict.json").touch()
    load("hf:saved", tmp_path)
    load("hf:files", tmp_path)
    load(f"hf:{tmp_path}/files")
    load("hf:a/b", tmp_path)
    assert hub.asked == [
        ("load_from_disk", f"{tmp_path}/saved"), ("load_dataset", f"{tmp_path}/files"),
        ("load_dataset", f"{tmp_path}/files"), ("load_dataset", "a/b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("splits", "error", "message"),
    [
        ({"train": pictures()}, ValueError, "the splits are train; there should be"),
        ({"test": pictures()}, ValueError, "the splits are test; there should be"),
        (FileNotFoundError("no x"), FileNotFoundError, "neither a folder x nor on the hub: no x"),
        (ConnectionError("offline"), ValueError, "cannot be loaded: offline"),
    ],
)
def test_what_is_not_there(hub: Any, splits: Any, error: type[Exception], message: str) -> None:
    hub.splits = splits
    with pytest.raises(error, match=f"^hf:x: .*{message}"):
        load("hf:x")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"label": Value()}, "columns are label; exactly one should be of images or arrays, but n"),
        ({"a": Image(), "b": Image(), "label": Value()}, "but a, b could be"),
        ({"image": Image(), "x": Value()}, "columns are image, x; exactly one .* of labels"),
        ({"image": Image(), "x": ClassLabel(["a"]), "y": ClassLabel(["a"])}, "but x, y could be"),
    ],
)
def test_columns_that_do_not_say_what_they_are(
    hub: Any, features: dict[str, Any], message: str
) -> None:
    hub.splits = {"train": Split([{}], features), "test": Split([{}], features)}
    with pytest.raises(ValueError, match=f"^hf:x: .*{message}"):
        load("hf:x")


def test_a_row_that_is_no_image_and_one_that_is_not_labelled(hub: Any) -> None:
    bad, unlabelled = pictures(), pictures()
    bad.rows[0]["image"] = {"bytes": b"%!PS", "path": "a.eps"}
    hub.splits = {"train": pictures(), "test": bad}
    with pytest.raises(ValueError, match=r"^hf:x, row 0 \(a.eps\): not an image that can be read"):
        load("hf:x")
    unlabelled.rows[2]["label"] = -1
    hub.splits = {"train": pictures(), "test": unlabelled}
    with pytest.raises(ValueError, match=r"hf:x, test set, sample 2: label -1; labels are 0 to 1"):
        load("hf:x")


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r'pip install "passband\[huggingface\]"'):
        load("hf:x")


def test_real_files_with_the_real_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    package = pytest.importorskip("datasets")
    features = package.Features(
        image=package.Image(),
        label=package.ClassLabel(names=["cat", "dog"]),
        id=package.Value("int32"),
    )
    columns = {
        "image": [{"bytes": encoded(one), "path": None} for one in PIXELS],
        "label": [0, 1, 0, 1],
        "id": [0, 1, 2, 3],
    }
    made = package.Dataset.from_dict(columns, features=features)
    package.DatasetDict(train=made, test=made.select([3])).save_to_disk(tmp_path / "saved")
    (tmp_path / "parquet").mkdir()
    for split, part in (("train", made), ("test", made.select([3]))):
        part.to_parquet(tmp_path / "parquet" / f"{split}.parquet")
        for at, label in enumerate(part["label"]):
            path = tmp_path / "folder" / split / ["cat", "dog"][label] / f"{at}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(PIXELS[3 if split == "test" else at]))
    for name in ("saved", "parquet", "folder"):
        data = load(f"hf:{name}", tmp_path, "unit")
        assert (data.classes, data.space) == (("cat", "dog"), (6, 5))
        assert labels(data.test).tolist() == [1]
        np.testing.assert_allclose(whole(data.test)[0][0, 0], PIXELS[3] / 255, atol=1e-7)
        assert labels(data.train).bincount().tolist() == [2, 2]
    np.testing.assert_allclose(
        whole(load("hf:saved", tmp_path, "unit").train)[0][:, 0], PIXELS / 255, atol=1e-7
    )
    with pytest.raises((FileNotFoundError, ValueError), match=r"^hf:no/such: "):
        load("hf:no/such", tmp_path)
