from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passband.lab.data import load, svhn, whole

scipy_io = pytest.importorskip("scipy.io")

NAMES = ["train_32x32.mat", "test_32x32.mat"]


def arrays(count: int) -> dict[str, Any]:
    """Images (height, width, channel, N) and labels 1 to 10, as the files have them."""
    generator = np.random.default_rng(count)
    return {
        "X": generator.integers(0, 256, (32, 32, 3, count), dtype=np.uint8),
        "y": np.array([[10], [1], [9], [2]][:count], dtype=np.uint8),
    }


def write(root: Path, **train: Any) -> dict[str, str]:
    for name, found in zip(NAMES, (arrays(4) | train, arrays(2)), strict=True):
        scipy_io.savemat(root / name, found, do_compression=True)
    return {name: md5((root / name).read_bytes()).hexdigest() for name in NAMES}


def test_the_samples_come_first_and_ten_is_the_digit_zero(tmp_path: Path) -> None:
    data = svhn.load(tmp_path, "unit", write(tmp_path))
    assert (data.name, data.classes, data.space) == ("svhn", tuple("0123456789"), (32, 32))
    for part, count in ((data.train, 4), (data.test, 2)):
        maps, labels = whole(part)
        expected = np.moveaxis(arrays(count)["X"], (3, 2), (0, 1)) / 255
        np.testing.assert_allclose(maps, expected, atol=1e-7)
        assert labels.tolist() == [0, 1, 9, 2][:count]


def test_channels_are_standardised_one_by_one(tmp_path: Path) -> None:
    maps = whole(svhn.load(tmp_path, None, write(tmp_path)).train)[0]
    np.testing.assert_allclose(maps.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(maps.std((0, 2, 3), correction=0), 1, atol=1e-5)


def test_a_file_that_is_not_the_published_one_is_refused_with_both_sums(tmp_path: Path) -> None:
    found = write(tmp_path)[NAMES[0]]
    message = f"train_32x32.mat: MD5 {found}, but .* e26dedcc434d2e4c54c9b2d4a06d8373"
    with pytest.raises(ValueError, match=message):
        load("svhn", tmp_path)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"y": np.array([[1], [2], [11], [3]])}, "label 11; labels are 1 to 10"),
        ({"y": np.array([[0], [2], [1], [3]])}, "label 0; labels are 1 to 10"),
        ({"y": np.array([[1], [2]])}, r"arrays are .*\(2, 1\)"),
        ({"X": np.zeros((4, 3, 32, 32), np.uint8)}, r"not X \(32, 32, 3, N\)"),
        ({"X": np.zeros((32, 32, 3, 4))}, "X holds torch.float64, not unsigned bytes"),
        ({"X": "text"}, r"not X \(32, 32, 3, N\)"),
    ],
)
def test_a_file_with_other_arrays(tmp_path: Path, train: dict[str, Any], message: str) -> None:
    digests = write(tmp_path, **train)
    with pytest.raises(ValueError, match=rf"train_32x32.mat: .*{message}"):
        svhn.load(tmp_path, None, digests)


@pytest.mark.parametrize("content", [b"", b"<html>no such page</html>" * 20, b"MATLAB 5.0" * 3])
def test_what_is_no_mat_file(tmp_path: Path, content: bytes) -> None:
    digests = write(tmp_path)
    (tmp_path / NAMES[0]).write_bytes(content)
    digests[NAMES[0]] = md5(content).hexdigest()
    with pytest.raises(ValueError, match=r"train_32x32.mat: not a sound .mat file"):
        svhn.load(tmp_path, None, digests)


def test_a_half_downloaded_file_even_if_its_sum_were_right(tmp_path: Path) -> None:
    digests = write(tmp_path)
    content = (tmp_path / NAMES[0]).read_bytes()
    for cut in (100, 140, 4000):
        (tmp_path / NAMES[0]).write_bytes(content[:cut])
        digests[NAMES[0]] = md5(content[:cut]).hexdigest()
        with pytest.raises(ValueError, match=r"train_32x32.mat: not a sound .mat file"):
            svhn.load(tmp_path, None, digests)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; expected .*train_32x32"):
        load("svhn", tmp_path / "nowhere")
    write(tmp_path)
    (tmp_path / NAMES[1]).unlink()
    with pytest.raises(ValueError, match=r"MD5"):
        load("svhn", tmp_path)
