from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passband.lab import report, results
from passband.lab.config import TrainConfig
from passband.lab.data.ucr import BUNDLED
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.ucr import ALL, UCR, UcrConfig, _of, ucr
from passband.lab.studies.watch import unwatched

NAMES = ("Alpha", "Beta")


def problem(root: Path, name: str, lengths: tuple[int, ...], seed: int) -> None:
    random = np.random.default_rng(seed)
    (root / name).mkdir(parents=True)
    for part in ("TRAIN", "TEST"):
        lines = [
            "\t".join(map(str, [at % 2, *(random.standard_normal(length) + at % 2).round(3)]))
            for at, length in enumerate(lengths)
        ]
        (root / name / f"{name}_{part}.tsv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for seed, name in enumerate(NAMES):
        problem(folder, name, (12,) * 10, seed)
    problem(folder, "Gamma", (12, 11, 12), 3)
    return folder


def study(out: Path, root: Path, **given: Any) -> UcrConfig:
    base = TrainConfig.recommended(
        ALL, "fcn", str(out), root=str(root), epochs=1, accelerator="cpu",
        options=(("widths", (4, 4, 4)),),
    )  # fmt: skip
    return UcrConfig(**{"out": str(out), "base": (base,), "keep": (0.5, 0.25), **given})


@pytest.fixture(scope="module")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    out = tmp_path_factory.mktemp("study")
    told: list[str] = []
    ucr(study(out, root), lambda done, doing: told.append(doing))
    return out, told


def test_every_problem_that_can_be_read_is_trained(finished: tuple[Path, list[str]]) -> None:
    out, told = finished
    rows = [r for r in results.read(out / "results.csv") if r.metric == "test_accuracy"]
    assert [(r.data, r.variant, r.keep) for r in rows] == [
        (f"ucr:{name}", variant, keep)
        for name in NAMES
        for variant, keep in (("plain", None), ("band", 0.5), ("band", 0.25))
    ]
    assert [one for one in told if "left out" in one] == [told[0]]
    assert told[0].startswith("left out ucr:Gamma: ")
    assert "unequal length" in told[0]


def test_a_finished_study_repeats_nothing(
    finished: tuple[Path, list[str]], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = finished
    before = (out / "results.csv").read_bytes()
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    ucr(study(out, root), unwatched)
    assert (out / "results.csv").read_bytes() == before


def test_its_page_has_tables_and_figures(finished: tuple[Path, list[str]]) -> None:
    page = report.build(finished[0]).read_text()
    assert "fcn over all problems" in page
    assert "Nemenyi" in page
    assert {path.name for path in (finished[0] / "figures").iterdir()} == {
        "fcn-ucr-scatter.svg", "fcn-ucr-ranks.svg",
    }  # fmt: skip


def test_without_a_root_it_is_all_that_ships(tmp_path: Path) -> None:
    base = TrainConfig.recommended(ALL, "fcn", str(tmp_path))
    assert [run.data for run in _of(base, {})] == [f"ucr:{name}" for name in BUNDLED]


ACCURACIES = {"A": (0.9, 0.95), "B": (0.8, 0.8), "C": (0.7, 0.6), "D": (0.5, 0.71)}


def rows() -> list[Row]:
    return [
        Row("ucr", f"ucr:{name}", "fcn", variant, 0, 1, keep, keep, "test_accuracy", value)
        for name, both in ACCURACIES.items()
        for variant, keep, value in (("plain", None, both[0]), ("band", 0.5, both[1]))
    ]


def test_the_tables_compare_with_plain() -> None:
    tables = UCR.tables(rows())
    heading, plain, half = tables["fcn over all problems"]
    named = dict(zip(heading, half, strict=True))
    assert named["accuracy %"] == "76.5"  # of 95, 80, 60 and 71
    assert named["difference"] == "+4.0"
    assert named["win-tie-loss"] == "2-1-1"
    assert named["Wilcoxon p"] == "0.750"  # ranks +1, -2, +3: six of eight signs are as extreme
    assert (named["average rank"], plain[-1]) == ("1.38", "1.62")
    assert tables["fcn on each problem"][1] == ("A", "90.0", "95.0", "+5.0")


def test_a_problem_without_all_settings_is_left_out_meanwhile() -> None:
    tables = UCR.tables(rows()[:-1])
    assert [line[0] for line in tables["fcn on each problem"]] == ["problem", "A", "B", "C"]


def test_a_wrong_config_is_refused(tmp_path: Path, root: Path) -> None:
    with pytest.raises(ValueError, match="beside plain"):
        study(tmp_path, root, keep=())
    with pytest.raises(ValueError, match="seeds is at least 1; got 0"):
        study(tmp_path, root, seeds=0)
