import re
import shutil
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from passband.lab.data import available, load, size, ucr, whole

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
        ("PickupGestureWiimoteZ_eq", (50, 50, 1, 361, 10)),
    ],
)
def test_the_bundled_problems(problem: str, size: tuple[int, ...]) -> None:
    data = load(f"ucr:{problem}")
    train, test = whole(data.train)[0], whole(data.test)[0]
    assert (len(train), len(test), *train.shape[1:], data.num_classes) == size
    for part, name in ((data.train, "TRAIN"), (data.test, "TEST")):
        folder = SHIPPED / problem.removesuffix("_eq")
        series, labels = values_of_ts(folder / f"{problem}_{name}.ts")
        np.testing.assert_array_equal(whole(part)[0], series.astype(np.float32))
        assert [data.classes[i] for i in whole(part)[1].tolist()] == labels


def test_every_bundled_problem_is_in_the_test_above() -> None:
    assert len([name for name in available() if name.startswith("ucr:")]) == 7


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


def test_a_name_with_a_dot_and_files_without_an_ending(tmp_path: Path) -> None:
    (tmp_path / "Toy.v2").mkdir()
    for part in ROWS:
        (tmp_path / "Toy.v2" / f"Toy.v2_{part}").write_text("1,2,3\n")
    assert whole(load("ucr:Toy.v2", tmp_path).test)[0].tolist() == [[[2, 3]]]


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, ".tsv", "\t")
    assert size(load("ucr:Toy", root="~").train) == 2


def zip_of_toys(path: Path, folder: str, ending: str = ".tsv", test: str = "TEST") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, rows in ROWS.items():
            lines = ["\t".join(f"{value:g}" for value in row) for row in rows]
            name = f"{folder}Toy_{test if part == 'TEST' else part}{ending}"
            archive.writestr(name, "\n".join(lines))


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Archive.zip", "Toy/"),
        ("Univariate_ts.zip", "Univariate_ts/Toy/"),
        ("Toy.zip", "Toy/"),
        ("Toy.zip", ""),
    ],
)
def test_problems_in_an_archive(
    tmp_path: Path, name: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    zip_of_toys(tmp_path / name, folder)
    assert ucr.problems(tmp_path) == ("Toy",)
    data = load("ucr:Toy", tmp_path)
    assert whole(data.train)[0].tolist() == [[[0.5, -2, 3]], [[4, 5, 6.25]]]
    assert whole(data.test)[1].tolist() == [1]
    assert {path.name for path in tmp_path.rglob("*")} == {name, "temporary"}


def test_the_ts_files_of_an_archive_are_those_of_the_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "Univariate_ts.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((SHIPPED / "GunPoint").glob("*.ts")):
            archive.write(path, f"Univariate_ts/GunPoint/{path.name}")
    packed, bundled = load("ucr:GunPoint", tmp_path), load("ucr:GunPoint")
    assert torch.equal(whole(packed.test)[0], whole(bundled.test)[0])


def test_a_damaged_file_in_an_archive_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("Toy/Toy_TRAIN.tsv", "1\t2\n2\tx\n")
    path = re.escape(str(tmp_path / "a.zip"))
    with pytest.raises(ValueError, match=rf"^{path}: Toy/Toy_TRAIN\.tsv, line 2: .*'x'"):
        load("ucr:Toy", tmp_path)


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("../Toy/Toy_TRAIN.tsv", "points out of the archive"),
        ("Other/Other_TRAIN.tsv", "Toy does not exist; expected .*Toy/Toy_TRAIN with one of"),
    ],
)
def test_an_archive_that_is_hostile_or_lacks_the_problem(
    tmp_path: Path, member: str, message: str
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "1\t2\n")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load("ucr:Toy", tmp_path)


def test_a_bomb_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Toy/Toy_TRAIN.tsv", "1\t" * 2**23)
    with pytest.raises(ValueError, match=r"Toy_TRAIN\.tsv': 16777216 bytes, but .* at most"):
        load("ucr:Toy", tmp_path)


def test_all_problems_of_a_folder_that_have_both_parts(tmp_path: Path) -> None:
    write(tmp_path, ".csv", ",")
    shutil.copytree(SHIPPED / "GunPoint", tmp_path / "GunPoint")
    (tmp_path / "Half").mkdir()
    (tmp_path / "Half" / "Half_TRAIN.ts").touch()
    (tmp_path / "Other").mkdir()
    for part in ROWS:
        (tmp_path / "Other" / f"Else_{part}.ts").touch()
    zip_of_toys(tmp_path / "whole.zip", "Toy/")
    zip_of_toys(tmp_path / "half.zip", "Third/", test="VALIDATION")
    assert ucr.problems(tmp_path) == ("GunPoint", "Toy")
    assert ucr.problems(str(SHIPPED / "GunPoint")) == ()
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; expected a folder of UCR"):
        ucr.problems(tmp_path / "nowhere")
