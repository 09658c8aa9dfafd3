import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from passband.lab.data import available, load, size, whole

aeon_datasets = pytest.importorskip("aeon.datasets")
SHIPPED = Path(aeon_datasets.__path__[0], "data")


def values_of_ts(path: Path) -> tuple[np.ndarray, list[str]]:
    """A second, independent reading: what follows @data, split by hand."""
    lines = path.read_text().split("@data\n")[1].strip().split("\n")
    cases = [line.split(":") for line in lines]
    series = [[np.fromstring(channel, sep=",") for channel in case[:-1]] for case in cases]
    return np.array(series), [case[-1].strip().lower() for case in cases]


# Sizes as published on timeseriesclassification.com: train, test, channels, length, classes.
@pytest.mark.parametrize(
    ("problem", "size"),
    [
        ("ItalyPowerDemand", (67, 1029, 1, 24, 2)),
        ("GunPoint", (50, 150, 1, 150, 2)),
        ("ArrowHead", (36, 175, 1, 251, 3)),
        ("OSULeaf", (200, 242, 1, 427, 6)),
        ("ACSF1", (100, 100, 1, 1460, 10)),
        ("BasicMotions", (40, 40, 6, 100, 4)),
    ],
)
def test_the_bundled_problems(problem: str, size: tuple[int, ...]) -> None:
    data = load(f"ucr:{problem}")
    train, test = whole(data.train)[0], whole(data.test)[0]
    assert (len(train), len(test), *train.shape[1:], data.num_classes) == size
    for part, name in ((data.train, "TRAIN"), (data.test, "TEST")):
        series, labels = values_of_ts(SHIPPED / problem / f"{problem}_{name}.ts")
        np.testing.assert_array_equal(whole(part)[0], series.astype(np.float32))
        assert [data.classes[i] for i in whole(part)[1].tolist()] == labels


def test_every_bundled_problem_is_in_the_test_above() -> None:
    assert len([name for name in available() if name.startswith("ucr:")]) == 6


ROWS: dict[str, list[list[float]]] = {
    "TRAIN": [[1, 0.5, -2, 3], [2, 4, 5, 6.25]],
    "TEST": [[2, 7, 8, -9]],
}


def write(root: Path, ending: str, separator: str, number: str = "{:g}") -> None:
    folder = root / "Toy"
    folder.mkdir()
    for part, rows in ROWS.items():
        lines = [separator.join(number.format(value) for value in row) for row in rows]
        (folder / f"Toy_{part}{ending}").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("ending", "separator", "number"),
    [
        (".tsv", "\t", "{:g}"),
        (".csv", ",", "{:g}"),
        (".txt", ",", "{:g}"),
        (".txt", "   ", "{:.7e}"),
        ("", ",", "{:.6f}"),
        ("", ", ", "{:g}"),
    ],
)
def test_delimited_files_of_the_users_archive(
    tmp_path: Path, ending: str, separator: str, number: str
) -> None:
    write(tmp_path, ending, separator, number)
    data = load("ucr:Toy", root=str(tmp_path))
    assert data.name == "ucr:Toy"
    assert data.classes == ("1", "2")
    np.testing.assert_array_equal(whole(data.train)[0], [[[0.5, -2, 3]], [[4, 5, 6.25]]])
    assert whole(data.train)[1].tolist() == [0, 1]
    np.testing.assert_array_equal(whole(data.test)[0], [[[7, 8, -9]]])
    assert whole(data.test)[1].tolist() == [1]


def test_the_tsv_and_the_ts_of_one_problem_are_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "GunPoint"
    folder.mkdir()
    for name in ("GunPoint_TRAIN.tsv", "GunPoint_TEST.ts"):
        shutil.copy(SHIPPED / "GunPoint" / name, folder)
    mixed, bundled = load("ucr:GunPoint", root=tmp_path), load("ucr:GunPoint")
    assert mixed.classes == bundled.classes
    assert torch.equal(whole(mixed.train)[1], whole(bundled.train)[1])
    torch.testing.assert_close(whole(mixed.train)[0], whole(bundled.train)[0], atol=1e-6, rtol=0)


def test_a_ts_file_of_the_user_with_several_channels(tmp_path: Path) -> None:
    folder = tmp_path / "Toy"
    folder.mkdir()
    header = (
        "#c\n@problemName Toy\n@univariate false\n@equalLength {}\n@classLabel true b a\n@data\n"
    )
    (folder / "Toy_TRAIN.ts").write_text(header.format("true") + "1,2:3,4:a\n5,6:7,8:b\n")
    # declared unequal, but equal in truth
    (folder / "Toy_TEST.ts").write_text(header.format("false") + "-1,2:3,4e-1: b\n")
    data = load("ucr:Toy", tmp_path)
    assert data.classes == ("a", "b")
    assert whole(data.train)[0].tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert Counter(whole(data.train)[1].tolist()) == {0: 1, 1: 1}
    torch.testing.assert_close(whole(data.test)[0], torch.tensor([[[-1, 2], [3, 0.4]]]))
    assert whole(data.test)[1].tolist() == [1]


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, ".tsv", "\t")
    assert size(load("ucr:Toy", root="~").train) == 2
