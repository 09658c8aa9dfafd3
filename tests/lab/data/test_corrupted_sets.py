"""Folders as CIFAR-10-C and ImageNet-C, whole, damaged and hostile."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from passband.lab.data import LabeledData, labels, load, size, whole
from passband.lab.data.as_data import preprocessing
from passband.lab.data.corrupted_set import open_set

image_module = pytest.importorskip("PIL.Image")

COUNT = 4  # images of a severity


def bytes_of(name: str, *more: int) -> np.ndarray:
    shape = (5 * COUNT, 8, 8, 1)
    return np.random.default_rng(sum(name.encode())).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    for name in ("fog", "frost"):
        np.save(tmp_path / f"{name}.npy", bytes_of(name))
    np.save(tmp_path / "labels.npy", np.tile(np.arange(COUNT, dtype=np.uint8), 5))
    return tmp_path


def test_severities_are_blocks_of_an_array(arrays: Path) -> None:
    found = open_set(arrays, load("digits"), None, (2, 5))
    assert found.names == ("fog", "frost")
    for severity in (2, 5):
        samples = found.read("frost", severity)
        block = bytes_of("frost")[(severity - 1) * COUNT : severity * COUNT]
        maps, targets = whole(samples)
        np.testing.assert_allclose(maps, block.transpose(0, 3, 1, 2) / 255, atol=1e-7)
        assert targets.tolist() == labels(samples).tolist() == [0, 1, 2, 3]
    assert open_set(arrays, load("digits"), ["fog"], (1,)).names == ("fog",)


class Payload:
    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return print, ("ran",)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def objects(path: Path) -> None:
    np.save(path, np.array([Payload()], dtype=object), allow_pickle=True)


def zipped(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def huge(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"(20, 8, 8, 1)", b"(2**9,8,8,1) "))


def negative(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"(20, 8, 8, 1)", b"(-20,8, 8, 1)"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut, "fog.npy: half-downloaded, damaged or no array"),
        (objects, "fog.npy: half-downloaded, damaged or no array"),
        (zipped, "fog.npy: half-downloaded, damaged or no array"),
        (huge, "fog.npy: half-downloaded, damaged or no array"),
        (negative, "fog.npy: half-downloaded, damaged or no array"),
        (lambda path: path.write_bytes(b""), "fog.npy: half-downloaded, damaged or no array"),
        (lambda path: path.write_bytes(pickle.dumps(Payload())), "fog.npy: half-downloaded"),
        (lambda path: np.save(path, bytes_of("fog") / 255.0),
         r"fog.npy: float64 \(20, 8, 8, 1\); wanted are uint8 \(20, 8, 8, 1\)"),
        (lambda path: np.save(path, bytes_of("fog")[:-1]), r"uint8 \(19, 8, 8, 1\); wanted"),
        (lambda path: np.save(path, np.zeros((20, 8, 8, 3), np.uint8)), r"\(20, 8, 8, 3\); wanted"),
        (lambda path: path.unlink(), "no fog; there is frost"),
    ],
)  # fmt: skip
def test_a_wrong_array(
    arrays: Path, damage: Callable[[Path], None], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(arrays / "fog.npy")
    with pytest.raises(ValueError, match=told):
        open_set(arrays, load("digits"), ["fog"], (1,))
    assert capsys.readouterr().out == "", "nothing was run"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (np.zeros((20, 1), int), r"labels.npy: int64 \(20, 1\); wanted are whole numbers \(N,\)"),
        (np.zeros(20), "labels.npy: float64"),
        (np.zeros(21, int), "multiple of 5"),
        (np.full(20, 10), "labels 10 to 10; those of digits are 0 to 9"),
        (np.full(20, -1), "labels -1 to -1"),
        (np.zeros(25, int), r"fog.npy: uint8 \(20, 8, 8, 1\); wanted are uint8 \(25, 8, 8, 1\)"),
    ],
)
def test_wrong_labels(arrays: Path, found: np.ndarray, told: str) -> None:
    np.save(arrays / "labels.npy", found)
    with pytest.raises(ValueError, match=told):
        open_set(arrays, load("digits"), None, (1,))


def test_what_is_missing_is_named(arrays: Path) -> None:
    digits = load("digits")
    (arrays / "labels.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"labels.npy does not exist"):
        open_set(arrays, digits, None, (1,))
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; expected a folder as"):
        open_set(arrays / "nowhere", digits, None, (1,))
    (arrays / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: neither NAME.npy, as in CIFAR-10-C, nor"):
        open_set(arrays / "empty", digits, None, (1,))


def picture(seed: int, width: int = 12, height: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image_module.fromarray(pixels).save(path)


@pytest.fixture
def images(tmp_path: Path) -> tuple[Path, LabeledData]:
    own, folder = tmp_path / "own", tmp_path / "corrupted"
    for seed, name in enumerate(("train/cat/a", "train/dog/b", "val/cat/c", "val/dog/d")):
        write(own / f"{name}.png", picture(seed))
    for severity in (1, 2):
        for seed, name in enumerate(("cat", "dog")):
            write(folder / f"fog/{severity}/{name}/a.png", picture(10 * severity + seed))
    return folder, load("imagefolder:8", own, "unit")


def test_folders_of_severities_and_classes(images: tuple[Path, LabeledData]) -> None:
    folder, own = images
    found = open_set(folder, own, None, (1, 2))
    assert found.names == ("fog",)
    maps, targets = whole(found.read("fog", 2))
    assert targets.tolist() == [0, 1]
    for seed, one in enumerate(maps):  # no margin is taken off: its middle square as it is
        wanted = picture(20 + seed)[:, 2:10].transpose(2, 0, 1) / 255
        np.testing.assert_allclose(one, wanted, atol=1e-6)
    assert labels(found.read("fog", 1)).tolist() == [0, 1]


def test_wrong_folders(images: tuple[Path, LabeledData]) -> None:
    folder, own = images
    with pytest.raises(FileNotFoundError, match=r"fog/3 does not exist; expected .*each class"):
        open_set(folder, own, None, (1, 3))
    with pytest.raises(ValueError, match="images of three channels, but maps of digits"):
        open_set(folder, load("digits"), None, (1,))
    (folder / "fog/2/cow").mkdir()
    with pytest.raises(ValueError, match="fog/2: classes cow, which the data lacks"):
        open_set(folder, own, None, (1, 2))
    (folder / "fog/1/cat/a.png").unlink()
    with pytest.raises(ValueError, match=r"fog/1/cat: no images"):
        open_set(folder, own, None, (1,)).read("fog", 1)
    (folder / "fog/1/cat").rmdir()
    with pytest.raises(ValueError, match="fog/1: half-downloaded, without the classes cat"):
        open_set(folder, own, None, (1,))


def test_a_damaged_image_is_named_as_it_is_read(images: tuple[Path, LabeledData]) -> None:
    folder, own = images
    path = folder / "fog/1/dog/a.png"
    path.write_bytes(path.read_bytes()[:60])
    samples = open_set(folder, own, None, (1,)).read("fog", 1)
    assert size(samples) == 2
    with pytest.raises(ValueError, match=r"fog/1/dog/a.png: not an image that can be read"):
        whole(samples)


@pytest.mark.parametrize("name", ["digits", "imagefolder:8"])
def test_images_are_prepared_as_the_datas_own(images: tuple[Path, LabeledData], name: str) -> None:
    root = None if name == "digits" else images[0].parent / "own"
    unit, own = load(name, root, "unit"), load(name, root)
    change = preprocessing(unit, own)
    torch.testing.assert_close(change(whole(unit.test)[0]), whole(own.test)[0], atol=1e-5, rtol=0)
