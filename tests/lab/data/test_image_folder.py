import io
import math
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from passband.lab.data import imagefolder, labels, load, size, whole
from passband.lab.data.labeled import in_memory, plain

image_module = pytest.importorskip("PIL.Image")

MEAN = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1)
STD = np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)


def picture(seed: int, width: int = 20, height: int = 16) -> np.ndarray:
    """Bytes (height, width, 3) that hardly change from pixel to pixel."""
    corners = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    return np.asarray(image_module.fromarray(corners).resize((width, height), 2))


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image_module.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for seed, name in enumerate(["train/cat/b.png", "train/cat/a.PNG", "train/dog/c.png"]):
        write(tmp_path / name, picture(seed))
    write(tmp_path / "val/dog/deeper/d.png", picture(3))
    (tmp_path / "train" / "cat" / "notes.txt").write_text("no image")
    return tmp_path


def test_classes_are_folders_and_images_are_in_the_order_of_their_names(root: Path) -> None:
    data = load("imagefolder:8", root)
    assert (data.name, data.classes, data.space) == ("imagefolder:8", ("cat", "dog"), (8, 8))
    assert data.validation is None
    assert not in_memory(data.train)
    assert labels(data.train).tolist() == [0, 0, 1]
    assert labels(data.test).tolist() == [1]
    assert load("imagefolder", root).space == (224, 224)


def test_test_images_are_the_middle_resampled_and_standardised_as_imagenet(root: Path) -> None:
    # 14 pixels of a shorter side of 16: a crop as large as the shares of 224 and 256 say
    pixels = picture(3)[1:15, 3:17].transpose(2, 0, 1) / 255
    unit = whole(load("imagefolder:14", root, "unit").test)[0]
    np.testing.assert_allclose(unit[0], pixels, atol=1e-6)
    standard = whole(load("imagefolder:14", root).test)[0]
    np.testing.assert_allclose(standard[0], (pixels - MEAN) / STD, atol=1e-5)
    halved = pixels.reshape(3, 7, 2, 7, 2).mean((2, 4))
    small = whole(load("imagefolder:7", root, "unit").test)[0]
    assert float(np.abs(small[0].numpy() - halved).max()) < 0.02


def test_training_images_are_random_windows_and_plain_ones_are_not(root: Path) -> None:
    data = load("imagefolder:8", root, "unit")
    torch.manual_seed(0)
    first, second = data.train[0][0], data.train[0][0]
    torch.manual_seed(0)
    assert torch.equal(data.train[0][0], first)
    assert not torch.equal(first, second)
    quiet = plain(data.train)
    state = torch.get_rng_state()
    assert torch.equal(quiet[0][0], quiet[0][0])
    assert torch.equal(torch.get_rng_state(), state)
    assert labels(quiet).tolist() == [0, 0, 1]


def test_windows_have_the_areas_and_shapes_of_the_paper() -> None:
    torch.manual_seed(0)
    shares, aspects = [], []
    for _ in range(2000):
        left, top, wide, tall = imagefolder._random_box(200, 100)
        assert 0 <= left <= left + wide <= 200
        assert 0 <= top <= top + tall <= 100
        shares.append(wide * tall / 20_000)
        aspects.append(math.log(wide / tall))
    assert 0.07 < min(shares) < 0.1
    assert 0.55 < max(shares) <= 1  # an aspect of at most 4/3 does not fill 2:1
    assert abs(min(aspects) - math.log(3 / 4)) < 0.05
    assert abs(max(aspects) - math.log(4 / 3)) < 0.05
    assert abs(float(np.mean(aspects))) < 0.05


@pytest.mark.parametrize(
    ("extent", "box"), [((1, 400), (0, 199, 1, 1)), ((300, 3), (148, 0, 4, 3))]
)
def test_a_strip_in_which_no_window_fits_gives_its_middle(
    extent: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    boxes = {imagefolder._random_box(*extent) for _ in range(20)}
    assert box in boxes
    assert all(left + wide <= extent[0] and top + tall <= extent[1] and wide and tall
               for left, top, wide, tall in boxes)  # fmt: skip


def test_windows_of_an_image_of_one_colour_are_of_that_colour(tmp_path: Path) -> None:
    for name in ("train/a/x.png", "val/a/x.png"):
        write(tmp_path / name, np.full((30, 50, 3), (51, 102, 255), np.uint8))
    data = load("imagefolder:16", tmp_path, "unit")
    expected = torch.tensor([0.2, 0.4, 1]).view(3, 1, 1).expand(3, 16, 16)
    for part in (data.train, data.test):
        torch.testing.assert_close(part[0][0], expected)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_images_of_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    ending = "jpg" if mode == "CMYK" else "png"
    for part in ("train", "val"):
        (tmp_path / part / "a").mkdir(parents=True)
        image = image_module.fromarray(picture(1)).convert(mode)
        image.save(tmp_path / part / "a" / f"x.{ending}")
    assert load("imagefolder:8", tmp_path).test[0][0].shape == (3, 8, 8)


def test_with_folders_of_classes_in_test_those_in_val_are_for_validation(root: Path) -> None:
    write(root / "test/cat/e.png", picture(4))
    data = load("imagefolder:8", root)
    assert data.validation is not None
    assert labels(data.test).tolist() == [0]
    assert labels(data.validation).tolist() == [1]


def test_imagenets_test_images_without_classes_are_no_test_set(root: Path) -> None:
    write(root / "test/e.png", picture(4))
    assert labels(load("imagefolder:8", root).test).tolist() == [1]


def test_a_validation_set_that_is_held_out_is_not_random(root: Path) -> None:
    write(root / "train/dog/z.png", picture(5))
    held = load("imagefolder:14", root, "unit").hold_out(0.5)
    assert held.validation is not None
    assert size(held.train) == 2
    pixels = picture(5)[1:15, 3:17].transpose(2, 0, 1) / 255
    np.testing.assert_allclose(whole(held.validation)[0][1], pixels, atol=1e-6)


def test_samples_travel_to_another_process(root: Path) -> None:
    data = load("imagefolder:8", root)
    again = pickle.loads(pickle.dumps(data.test))
    assert torch.equal(again[0][0], data.test[0][0])


def png(width: int, height: int) -> bytes:
    """A PNG whose header claims that size, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def cut_short() -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    image_module.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()[:-2000]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot identify image file"),
        (b"no image", "cannot identify image file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot identify image file"),
        (png(12_000, 12_000), "decompression bomb"),
        (png(60_000, 60_000), "decompression bomb"),
        (png(100, 100), "truncated"),
        (cut_short(), "truncated"),
    ],
    ids=["empty", "text", "a program", "a bomb", "a large bomb", "no pixels", "cut short"],
)
def test_an_image_that_is_none(root: Path, content: bytes, message: str) -> None:
    (root / "val" / "dog" / "deeper" / "d.png").write_bytes(content)
    data = load("imagefolder:8", root)
    expected = f"^{root}/val/dog/deeper/d.png: not an image that can be read: .*{message}"
    with pytest.raises(ValueError, match=expected):
        data.test[0]


@pytest.mark.parametrize("made", ["", "train/a", "train/a/x.png", "train/a/x.png val/y.png"])
def test_folders_that_are_not_there(tmp_path: Path, made: str) -> None:
    root = tmp_path / "data"
    for name in made.split():
        write(root / name, picture(1)) if "." in name else (root / name).mkdir(parents=True)
    expected = {
        "": (FileNotFoundError, f"^{root} does not exist; expected {root}/train with a folder"),
        "train/a": (ValueError, rf"^{root}/train/a: no images \(\.bmp, "),
        "train/a/x.png": (
            FileNotFoundError,
            f"^{root}/val does not exist; expected folders of classes in {root}/val or",
        ),
        "train/a/x.png val/y.png": (ValueError, f"^{root}/val: no folder of a class"),
    }
    error, message = expected[made]
    with pytest.raises(error, match=message):
        load("imagefolder", root)


def test_a_training_folder_without_classes(tmp_path: Path) -> None:
    write(tmp_path / "train/x.png", picture(1))
    with pytest.raises(ValueError, match=f"^{tmp_path}/train: no folder of a class in it"):
        load("imagefolder", tmp_path)


def test_a_class_that_the_training_set_lacks(root: Path) -> None:
    write(root / "val/emu/x.png", picture(1))
    with pytest.raises(ValueError, match=r"/val: classes \['emu'\], which the training set lacks"):
        load("imagefolder", root)
