import io
import os
import pickle
import tarfile
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passband.lab.data import cifar, load, whole

NAMES10 = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"]
NAMES100 = ["train", "test", "meta"]
CLASSES10 = ["airplane", "automobile", "bird", "cat", "deer"]


def images(name: str) -> np.ndarray:
    seed = sum(name.encode())
    return np.random.default_rng(seed).integers(0, 256, (3, 3072), dtype=np.uint8)


def content(name: str, protocol: int = 2) -> bytes:
    """As the published files: a dictionary with text of Python 2 as keys."""
    if name in ("batches.meta", "meta"):
        key = "label_names" if name == "batches.meta" else "fine_label_names"
        return pickle.dumps({key: CLASSES10, "other": 3}, protocol)
    key = "fine_labels" if name in NAMES100 else "labels"
    found = {"data": images(name), key: [4, 0, 2], "filenames": ["a.png", "b.png", "c.png"]}
    # Arrays name the module where numpy 1 had its constructor, and text is that of Python 2.
    return pickle.dumps(found, protocol).replace(b"numpy._core", b"numpy.core")


def write_folder(root: Path, folder: str, names: list[str], **changed: bytes) -> dict[str, str]:
    (root / folder).mkdir()
    for name in names:
        (root / folder / name).write_bytes(changed.get(name, content(name)))
    return {name: md5(changed.get(name, content(name))).hexdigest() for name in names}


def write_tar(root: Path, folder: str, names: list[str]) -> dict[str, str]:
    with tarfile.open(root / f"{folder[:8].rstrip('-b')}-python.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo(folder)
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
        for name in [*names, "readme.html"]:
            data = content(name) if name in names else b"<html>"
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return {name: md5(content(name)).hexdigest() for name in names}


def folder10(root: Path) -> dict[str, str]:
    return write_folder(root, "cifar-10-batches-py", NAMES10)


def tar10(root: Path) -> dict[str, str]:
    return write_tar(root, "cifar-10-batches-py", NAMES10)


@pytest.mark.parametrize("write", [folder10, tar10])
def test_cifar10_from_its_folder_or_its_archive(
    tmp_path: Path, write: Callable[[Path], dict[str, str]]
) -> None:
    digests = write(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    data = cifar.load10(tmp_path, "unit", digests)
    assert sorted(tmp_path.rglob("*")) == before, "nothing was extracted"
    assert (data.name, data.classes, data.space) == ("cifar10", tuple(CLASSES10), (32, 32))
    pixels = np.concatenate([images(name) for name in NAMES10[:5]]).reshape(-1, 3, 32, 32) / 255
    np.testing.assert_allclose(whole(data.train)[0], pixels, atol=1e-7)
    assert whole(data.train)[1].tolist() == [4, 0, 2] * 5
    tested = images("test_batch").reshape(-1, 3, 32, 32) / 255
    np.testing.assert_allclose(whole(data.test)[0], tested, atol=1e-7)
    standard = whole(cifar.load10(tmp_path, None, digests).test)[0]
    over = (0, 2, 3)
    mean, std = (f(axis=over, keepdims=True) for f in (pixels.mean, pixels.std))
    np.testing.assert_allclose(standard, (tested - mean) / std, atol=1e-5)


def test_cifar100_takes_the_fine_labels(tmp_path: Path) -> None:
    digests = write_folder(tmp_path, "cifar-100-python", NAMES100)
    data = cifar.load100(tmp_path, None, digests)
    assert (data.name, data.classes[4]) == ("cifar100", "deer")
    assert whole(data.test)[1].tolist() == [4, 0, 2]


@pytest.mark.parametrize("protocol", range(4))
def test_pickles_of_the_protocols_of_their_time(tmp_path: Path, protocol: int) -> None:
    changed = {name: content(name, protocol) for name in NAMES100}
    digests = write_folder(tmp_path, "cifar-100-python", NAMES100, **changed)
    maps = whole(cifar.load100(tmp_path, "unit", digests).train)[0]
    np.testing.assert_allclose(maps.flatten(1), images("train") / 255, atol=1e-7)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_file_that_is_not_the_published_one_is_not_unpickled(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path, "cifar-10-batches-py", NAMES10)
    digests = write_folder(tmp_path, "cifar-100-python", NAMES100)
    published = {"cifar10": "5ff9c542aee3614f", "cifar100": "7973b15100ade9c7"}[name]
    message = rf"meta: MD5 {digests['meta'] if name == 'cifar100' else ''}.*has {published}"
    with pytest.raises(ValueError, match=message):
        load(name, tmp_path)


class Payload:
    """What a hostile pickle would call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize(
    ("function", "named"), [(os.system, "posix.system"), (eval, "(builtins|__builtin__).eval")]
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_hostile_pickle_runs_nothing(
    tmp_path: Path, function: Callable[..., Any], named: str, protocol: int
) -> None:
    mark = tmp_path / "ran"
    command = f"touch {mark}" if function is os.system else f"open({str(mark)!r}, 'w')"
    hostile = pickle.dumps({"fine_labels": [0, 1, 2], "x": Payload(function, command)}, protocol)
    digests = write_folder(tmp_path, "cifar-100-python", NAMES100, train=hostile)
    with pytest.raises(ValueError, match=f"cifar-100-python/train: .*asks for {named}, which"):
        cifar.load100(tmp_path, None, digests)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (b"", "not a pickle"),
        (b"<html>", "not a pickle"),
        (content("train")[:-20], "not a pickle"),
        (pickle.dumps([1]), "no dictionary with 'data'"),
        (pickle.dumps({"labels": []}), "no dictionary with 'data'"),
        (pickle.dumps({"data": [1], "fine_labels": [1]}), "'data' is no array of bytes"),
        (pickle.dumps({"data": np.zeros((2, 9))}), "array of 'f8'; only unsigned bytes"),
        (pickle.dumps({"data": np.array([{}])}), "array of 'O.'; only unsigned bytes"),
        (
            pickle.dumps({"data": np.zeros((2, 9), np.uint8), "fine_labels": [0, 1]}),
            "'data' is no array of bytes with 3072 columns",
        ),
        (pickle.dumps({"data": images("train")}), "'fine_labels' is no list"),
        (pickle.dumps({"data": images("train"), "fine_labels": [0, 1]}), "one label for each of 3"),
        (
            pickle.dumps({"data": images("train"), "fine_labels": [0, 5, 1]}),
            "label 5; labels are 0 to 4",
        ),
        (
            pickle.dumps({"data": images("train"), "fine_labels": [0, True, 1]}),
            "label True; labels are 0 to 4",
        ),
        (b"c_codecs\nencode\n(Vx\nVzip\ntR.", "encoded as 'zip'; only latin1"),
    ],
)
def test_a_pickle_with_something_else(tmp_path: Path, train: bytes, message: str) -> None:
    digests = write_folder(tmp_path, "cifar-100-python", NAMES100, train=train)
    with pytest.raises(ValueError, match=f"cifar-100-python/train: .*{message}"):
        cifar.load100(tmp_path, None, digests)


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    digests = folder10(tmp_path)
    with (tmp_path / "cifar-10-batches-py" / "data_batch_2").open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(ValueError, match=r"data_batch_2: 8589934592 bytes, but such a file has at"):
        cifar.load10(tmp_path, None, digests)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"nowhere does not exist; expected .*python.tar.gz"
    ):
        load("cifar10", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"cifar-10-batches-py does not exist; expected"):
        load("cifar10", tmp_path)
    folder10(tmp_path)
    (tmp_path / "cifar-10-batches-py" / "data_batch_4").unlink()
    with pytest.raises(FileNotFoundError, match=r"cifar-10-batches-py/data_batch_4 does not exist"):
        load("cifar10", tmp_path)


def test_a_half_downloaded_archive(tmp_path: Path) -> None:
    tar10(tmp_path)
    path = tmp_path / "cifar-10-python.tar.gz"
    whole_archive = path.read_bytes()
    for cut in (0, 8, 1000, len(whole_archive) - 400):
        path.write_bytes(whole_archive[:cut])
        with pytest.raises(ValueError, match=r"python.tar.gz: (half-downloaded|lacks)"):
            load("cifar10", tmp_path)
