"""The study ``corruptions``."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import torch

from digits_run import config, weights
from passband.lab import cli, data, models, report, results
from passband.lab.data.corruptions import OF_THE_BENCHMARK, corrupted
from passband.lab.results import Row
from passband.lab.studies import corruptions as module
from passband.lab.studies.corruptions import CorruptionsConfig, corruptions
from passband.lab.studies.corruptions_shown import corruptions_notes, corruptions_tables

NAMES = ("gaussian_noise", "contrast", "fog")


def study(out: Path, **given: Any) -> CorruptionsConfig:
    settings = {"keep": (0.25,), "seeds": 1, "corruptions": NAMES, "severities": (4, 1)}
    base = config(out, epochs=2)
    return CorruptionsConfig(**{"out": str(out), "base": (base,), **settings, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    corruptions(study(out))
    return out


def found(rows: list[Row]) -> dict[tuple[float | None, str, float | None], float]:
    return {(row.keep, row.metric, row.at): row.value for row in rows}


def plain_network(out: Path) -> torch.nn.Module:
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(out / "runs" / "digits-lenet5-plain-seed0"))
    return net.eval()


def right(net: torch.nn.Module, maps: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        return float((net(maps).argmax(1) == labels).double().mean())


def test_every_corruption_and_severity_of_every_network(finished: Path) -> None:
    rows = found(results.read(finished / "results.csv"))
    wanted = {(k, f"corrupted:{n}", a) for k in (None, 0.25) for n in NAMES for a in (1.0, 4.0)}
    assert wanted == {key for key in rows if key[1].startswith("corrupted:")}
    for keep in (None, 0.25):
        assert rows[keep, "clean_accuracy", None] == rows[keep, "test_accuracy", None]


@pytest.mark.parametrize("name", NAMES)
def test_accuracy_is_that_on_images_corrupted_by_hand(finished: Path, name: str) -> None:
    unit, standard = data.load("digits", preprocessing="unit"), data.load("digits")
    pixels = data.whole(data.load("digits", preprocessing="unit").train)[0]
    mean, std = pixels.mean(), pixels.std(correction=0)
    maps, labels = data.whole(unit.test)
    torch.testing.assert_close((maps - mean) / std, data.whole(standard.test)[0])
    generator = torch.Generator().manual_seed(crc32(f"0 {name} 4 0".encode()))
    changed = (corrupted(name, maps, 4, generator) - mean) / std
    value = found(results.read(finished / "results.csv"))[None, f"corrupted:{name}", 4.0]
    assert value == pytest.approx(right(plain_network(finished), changed, labels), abs=0.006)


def row(keep: float | None, seed: int, metric: str, value: float, at: float | None = None) -> Row:
    variant = "plain" if keep is None else "band"
    return Row("corruptions", "digits", "lenet5", variant, seed, 2, keep, keep, metric, value,
               at=at)  # fmt: skip


def by_hand() -> list[Row]:
    """Two seeds: (plain, keep 0.5) on clean images, under noise and with less contrast."""
    rows = []
    for seed, off in ((0, 0.0), (1, 0.02)):
        for keep, clean, noise, contrast in ((None, 0.9, 0.5, 0.7), (0.5, 0.88, 0.6, 0.4)):
            rows += [
                row(keep, seed, "clean_accuracy", clean + off),
                row(keep, seed, "corrupted:shot_noise", noise + 0.1 + off, 1),
                row(keep, seed, "corrupted:shot_noise", noise - 0.1 + off, 5),
                row(keep, seed, "corrupted:contrast", contrast + 0.1 + off, 1),
                row(keep, seed, "corrupted:contrast", contrast - 0.1 + off, 5),
            ]
    return rows


def test_the_table_by_hand() -> None:
    first, second = corruptions_tables(by_hand()).values()
    relative = [
        np.mean([(0.4 - off) / (0.5 - off), (0.6 - off) / (0.3 - off)]) for off in (0, 0.02)
    ]
    assert first == [
        ("corruption", "group", "plain", "keep 0.5"),
        ("clean", "", "91.0 ± 1.4", "89.0 ± 1.4"),
        ("shot_noise", "noise", "51.0 ± 1.4", "61.0 ± 1.4"),
        ("contrast", "digital", "71.0 ± 1.4", "41.0 ± 1.4"),
        ("mean corruption accuracy", "all", "61.0 ± 1.4", "51.0 ± 1.4"),
        ("lost to corruption", "all", "30.0 ± 0.0", "38.0 ± 0.0"),
        ("error over plain", "all", "100",
         f"{100 * np.mean(relative):.1f} ± {100 * np.std(relative, ddof=1):.1f}"),
    ]  # fmt: skip
    assert [line[0] for line in second] == ["severity", "0 (clean)", "1", "5"]
    assert second[2][1:] == ("71.0 ± 1.4", "61.0 ± 1.4")


def test_the_notes_say_where_a_keep_is_worse() -> None:
    (note,) = [one for one in corruptions_notes(by_hand(), {}) if "better" in one]
    assert "89.0 % clean beside plain's 91.0 %" in note
    assert "<b>better</b> than plain by a point or more in shot_noise (+10.0)" in note
    assert "<b>worse</b> than plain by a point or more in contrast (-30.0)" in note


def test_the_page_has_a_drawing_with_each_group(finished: Path) -> None:
    page = report.build(finished).read_text()
    assert [path.stem for path in (finished / "figures").iterdir()] == ["digits-lenet5-corruptions"]
    for words in (">noise</text>", ">weather</text>", ">digital</text>", ">keep 0.25</text>"):
        assert words in page


def folder(out: Path, change: Callable[[np.ndarray], np.ndarray] = lambda x: x) -> Path:
    """The test images of digits as bytes, five times."""
    maps, labels = data.whole(data.load("digits", preprocessing="unit").test)
    pixels = (255 * maps).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    out.mkdir()
    np.save(out / "labels.npy", np.tile(labels.numpy(), 5))
    np.save(out / "frost.npy", np.concatenate([pixels, *[change(pixels)] * 4]))
    return out


def test_a_folder_of_ones_own_is_prepared_as_the_data(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", lambda pixels: 255 - pixels)
    asked = study(tmp_path / "run", corruptions=None, corrupted=str(own), severities=(1, 3))
    rows = found(corruptions(asked))
    for keep in (None, 0.25):  # the first block is the test set, but for rounding to bytes
        clean = rows[keep, "clean_accuracy", None]
        assert rows[keep, "corrupted:frost", 1.0] == pytest.approx(clean, abs=0.006)
    maps, labels = data.whole(data.load("digits", preprocessing="unit").test)
    pixels = data.whole(data.load("digits", preprocessing="unit").train)[0]
    negative = (1 - maps - pixels.mean()) / pixels.std(correction=0)
    wanted = right(plain_network(tmp_path / "run"), negative, labels)
    assert rows[None, "corrupted:frost", 3.0] == pytest.approx(wanted, abs=0.006)


def test_a_folder_is_resampled_and_framed_as_the_data(tmp_path: Path) -> None:
    own = folder(tmp_path / "own")
    base = replace(config(tmp_path, epochs=1), resize=10, pad=14)
    asked = study(tmp_path / "run", base=(base,), corruptions=None, corrupted=str(own),
                  severities=(1,))  # fmt: skip
    rows = found(corruptions(asked))
    for keep in (None, 0.25):
        clean = rows[keep, "clean_accuracy", None]
        assert rows[keep, "corrupted:frost", 1.0] == pytest.approx(clean, abs=0.006)


def test_data_of_unknown_preprocessing_takes_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_digits.py").write_text(
        "from passband.lab.data import load\ndigits = load('digits')\n"
        "def both():\n    return digits.train, digits.test\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    base = replace(config(tmp_path), data="own_digits:both")
    asked = study(tmp_path / "run", base=(base,), corrupted=str(folder(tmp_path / "own")),
                  corruptions=None)  # fmt: skip
    with pytest.raises(ValueError, match="how 'own_digits:both' are is not known"):
        corruptions(asked)
    assert not (tmp_path / "run").exists()


def test_the_networks_of_a_seed_see_the_same_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[int]] = {}

    def look(name: str, maps: torch.Tensor, severity: int, generator: torch.Generator) -> Any:
        seen.setdefault(f"{name} {severity}", []).append(generator.initial_seed())
        return maps

    monkeypatch.setattr(module, "corrupted", look)
    corruptions(study(tmp_path, seeds=2, keep=(0.5, 0.25)))
    for seeds in seen.values():
        assert len(seeds) == 6  # plain and two keeps, of two seeds
        assert len(set(seeds[:3])) == len(set(seeds[3:])) == 1
    assert len({seed for seeds in seen.values() for seed in seeds}) == 2 * len(seen)


WORDS = ["study", "corruptions", "--data", "digits", "--model", "lenet5", "--epochs", "1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--severities", "6"], "severities is at least 1 and at most 5; got 6"),
        (["--corruptions", "fog", "frost"], "jpeg_compression, saturate; got 'frost'"),
        (["--corrupted", "/nowhere"], "/nowhere does not exist; expected a folder as CIFAR-10-C"),
        (["--corrupted", "HERE"], "neither NAME.npy, as in CIFAR-10-C, nor"),
        (["--corrupted", ""], "corrupted is a non-empty text"),
        (["--data", "ucr:GunPoint", "--model", "fcn"], "study corruptions is of images"),
        (["--shifts", "1"], "takes no --shifts"),
        (["--samples", "0"], "samples is at least 1"),
    ],
)
def test_a_users_error_is_one_line_and_leaves_nothing(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    given = WORDS[:2] + words if "--data" in words else WORDS + words
    given = [str(tmp_path) if word == "HERE" else word for word in given]
    assert cli.main([*given, "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not out.exists()


def test_all_fourteen_are_made_where_none_is_named(tmp_path: Path) -> None:
    asked = study(tmp_path, corruptions=None, severities=(5,), samples=20)
    metrics = [row.metric for row in corruptions(asked) if row.keep is None]
    assert [m.removeprefix("corrupted:") for m in metrics if m.startswith("corrupted:")] == list(
        OF_THE_BENCHMARK
    )
