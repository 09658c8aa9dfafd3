import gzip
import struct
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest

from passband.lab.data import LabeledData, load, mnist, whole

NAMES = [
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
]


def content(name: str) -> bytes:
    """Five training and two test images, with other pixels everywhere."""
    count = 5 if name.startswith("train") else 2
    if "labels" in name:
        return struct.pack(">4BI", 0, 0, 8, 1, count) + bytes([3, 9, 0, 3, 1][:count])
    pixels = np.random.default_rng(len(name)).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + pixels.tobytes()


def write(root: Path, packed: bool, folder: str = "MNIST", **changed: bytes) -> dict[str, str]:
    """Writes the four files; `changed` is keyed by names with _ for -; returns true checksums."""
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    for name in NAMES:
        data = changed.get(name.replace("-", "_"), content(name))
        (raw / (f"{name}.gz" if packed else name)).write_bytes(
            gzip.compress(data) if packed else data
        )
    return {name: md5(content(name)).hexdigest() for name in NAMES}


@pytest.mark.parametrize("packed", [False, True])
def test_images_and_labels_are_those_of_the_files(tmp_path: Path, packed: bool) -> None:
    digests = write(tmp_path, packed)
    data = mnist.load(tmp_path, "unit", digests)
    assert (data.name, data.classes, data.space) == ("mnist", tuple("0123456789"), (28, 28))
    for part, name, labels in (
        (data.train, NAMES[0], [3, 9, 0, 3, 1]), (data.test, NAMES[2], [3, 9])
    ):  # fmt: skip
        pixels = np.frombuffer(content(name)[16:], np.uint8).reshape(-1, 1, 28, 28)
        np.testing.assert_allclose(whole(part)[0], pixels / 255, atol=1e-7)
        assert whole(part)[1].tolist() == labels


def test_pixels_are_standardised_by_the_training_set(tmp_path: Path) -> None:
    digests = write(tmp_path, packed=True)
    pixels, tested = (np.frombuffer(content(NAMES[i])[16:], np.uint8) / 255 for i in (0, 2))
    data = mnist.load(tmp_path, None, digests)
    for part, raw in ((data.train, pixels), (data.test, tested)):
        expected = (raw - pixels.mean()) / pixels.std()
        np.testing.assert_allclose(whole(part)[0].flatten(), expected, atol=1e-5)


def test_fashion_mnist_has_its_own_folder_names_and_checksums(tmp_path: Path) -> None:
    digests = write(tmp_path, packed=False, folder="FashionMNIST")
    data = mnist.load_fashion(tmp_path, None, digests)
    assert data.classes[:2] == ("T-shirt/top", "Trouser")  # in the published order
    assert whole(data.test)[1].tolist() == [3, 9]
    with pytest.raises(ValueError, match="published file has f4a8712d"):
        load("fashion-mnist", tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_is_not_the_published_one_is_refused_with_both_sums(
    tmp_path: Path, packed: bool
) -> None:
    digests = write(tmp_path, packed)
    found = digests[NAMES[0]]
    ending = ".gz" if packed else ""
    message = f"{NAMES[0]}{ending}: MD5 {found}, but .* 6bbc9ace898e44ae57da46a324031adb"
    with pytest.raises(ValueError, match=message):
        load("mnist", tmp_path)


IMAGES = content(NAMES[0])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (b"", "starts with , but"),
        (b"<html>not found", "starts with 3c 68 74 6d, but .* 00 00 08 03"),
        (b"\0\0\x0d\x03" + IMAGES[4:], "starts with 00 00 0d 03"),  # floats
        (IMAGES[:9], "cut short within its header"),
        (IMAGES[:-1], r"\(5, 28, 28\) need 3920 bytes, but there are only 3919"),
        (IMAGES + b"\0", "need 3920 bytes, but there are more"),
        (IMAGES[:4] + b"\xff" * 12, "4294967295.* bytes, but .* at most 268435456|at most"),
        (IMAGES[:4] + b"\0" * 12, r"an array of \(0, 0, 0\) is empty"),
    ],
)
def test_a_damaged_file(tmp_path: Path, packed: bool, images: bytes, message: str) -> None:
    digests = write(tmp_path, packed, train_images_idx3_ubyte=images)
    with pytest.raises(ValueError, match=rf"train-images-idx3-ubyte(\.gz)?: .*{message}"):
        mnist.load(tmp_path, None, digests)


@pytest.mark.parametrize("cut", [0, 5, 30, -4])
def test_a_half_downloaded_gz(tmp_path: Path, cut: int) -> None:
    digests = write(tmp_path, packed=True)
    path = tmp_path / "MNIST" / "raw" / f"{NAMES[0]}.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=f"{NAMES[0]}.gz: "):
        mnist.load(tmp_path, None, digests)


def test_no_more_is_unpacked_than_the_header_announces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = write(tmp_path, True, train_images_idx3_ubyte=IMAGES + bytes(10**8))
    unpacked: list[int] = []
    plain = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        data = plain(self, size)
        unpacked.append(len(data))
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with pytest.raises(ValueError, match="need 3920 bytes, but there are more"):
        mnist.load(tmp_path, None, digests)
    assert sum(unpacked) == len(IMAGES) + 1


def test_labels_that_do_not_fit(tmp_path: Path) -> None:
    labels = struct.pack(">4BI", 0, 0, 8, 1, 4) + bytes(4)
    digests = write(tmp_path, packed=False, train_labels_idx1_ubyte=labels)
    digests["train-labels-idx1-ubyte"] = md5(labels).hexdigest()
    with pytest.raises(ValueError, match="5 train images, but 4 labels"):
        mnist.load(tmp_path, None, digests)


def test_a_label_beyond_nine(tmp_path: Path) -> None:
    labels = struct.pack(">4BI", 0, 0, 8, 1, 5) + bytes([1, 2, 10, 0, 0])
    digests = write(tmp_path, packed=False, train_labels_idx1_ubyte=labels)
    digests["train-labels-idx1-ubyte"] = md5(labels).hexdigest()
    with pytest.raises(ValueError, match="train label 10; labels are 0 to 9"):
        mnist.load(tmp_path, None, digests)


@pytest.mark.parametrize("made", ["", "MNIST", "MNIST/raw"])
def test_what_is_missing_is_named(tmp_path: Path, made: str) -> None:
    root = tmp_path / "data"
    if made:
        (root / made).mkdir(parents=True)
    absent = {"": "data", "MNIST": "data/MNIST/raw"}.get(made, f"data/MNIST/raw/{NAMES[0]}")
    message = rf"^{tmp_path}/{absent} does not exist; expected .*{NAMES[0]}, or the same with .gz"
    with pytest.raises(FileNotFoundError, match=message):
        load("mnist", root)


def test_the_validation_set_is_held_out_of_the_training_set(tmp_path: Path) -> None:
    labels = struct.pack(">4BI", 0, 0, 8, 1, 5) + bytes([1, 0, 1, 0, 1])
    digests = write(tmp_path, False, train_labels_idx1_ubyte=labels)
    digests["train-labels-idx1-ubyte"] = md5(labels).hexdigest()
    held: LabeledData = mnist.load(tmp_path, "unit", digests).hold_out(0.3)
    assert held.validation is not None
    assert whole(held.validation)[1].tolist() == [0, 1]
