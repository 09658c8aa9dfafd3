"""``--json``: one object on stdout, of the numbers that the text shows, and nothing else there."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench_row import bench_row
from memory_row import memory_row
from passband.lab import cli, experiments, results
from passband.lab.bench import command as benchmark
from passband.lab.bench import row
from passband.lab.bench.memory import command as techniques
from passband.lab.outcome import Outcome, table
from passband.lab.studies import STUDIES
from passband.lab.studies.study import Lines

FAST = ["--accelerator", "cpu", "--epochs", "1", "--batch-size", "256", "--limit", "64"]


def found(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert cli.main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_training_its_report_and_both_on_one_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chatty.py").write_text(
        "from torch import nn\n"
        "def net(num_classes):\n"
        "    print('hello')\n"
        "    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, num_classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["--data", "digits", "--model", "chatty:net", "--keep", ".5", *FAST, "--out", "run"]
    told = found(capsys, "train", *words)
    out = tmp_path / "run"
    assert told["directory"] == str(out)
    assert told["report"] == str(out / "report.html")
    assert told["results"] == str(out / "results.csv")
    rows = {one.metric: one for one in results.read(out / "results.csv")}
    measured = {one["metric"]: one for one in told["measured"]}
    assert set(measured) == set(rows)
    accuracy = measured["test_accuracy"]
    assert accuracy["mean"] == rows["test_accuracy"].value
    assert (accuracy["keep"], accuracy["n"], accuracy["std"]) == (0.5, 1, None)
    (one,) = told["tables"]
    assert one["title"] == "chatty:net on digits"
    line = dict(zip(one["columns"], one["rows"][0], strict=True))
    assert line["accuracy %"] == pytest.approx(100 * accuracy["mean"], abs=0.05)
    assert line["keep"] == 0.5

    assert found(capsys, "report", "run") == told
    page = found(capsys, "report", "run", "run", "--out", "both.html")
    assert page == {"report": str(tmp_path / "both.html")}


def test_the_list_of_studies(capsys: pytest.CaptureFixture[str]) -> None:
    told = found(capsys, "study", "list")
    assert [one["name"] for one in told["studies"]] == list(STUDIES)
    assert told["studies"][0]["options"] == ["--keep", "--energy", "--seeds", "--repeats"]
    named = {one["name"]: one for one in told["experiments"]}
    assert set(named) == set(experiments.available())
    assert named["icml-mnist"]["data"] == list(experiments.load("icml-mnist").data)


@pytest.mark.parametrize(("ratio", "passed"), [(2.6, False), (2.4, True)])
def test_a_benchmark_and_its_check(
    ratio: float,
    passed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = bench_row("nn.Conv contiguous", 1.0, case="LeNet conv1", keep=None)
    ours = bench_row(case="LeNet conv1", ratio=2.0)
    monkeypatch.setattr(benchmark, "run", lambda bench, watch: ([plain, ours], ("a note",)))
    before = tmp_path / "before.csv"
    row.write(before, [bench_row(case="LeNet conv1", ratio=ratio)])
    words = ["bench", "conv", "--case", "LeNet conv1", "--check", str(before)]
    told = found(capsys, *words, "--out", str(tmp_path), status=0 if passed else 1)
    assert told["table"] == str(tmp_path / "conv.csv")
    assert [one["seconds"] for one in told["rows"]] == [plain.seconds, ours.seconds]
    assert told["rows"][0]["keep"] is None
    assert told["notes"] == ["a note"]
    check = told["check"]
    assert (check["passed"], check["compared"], check["tolerance"]) == (passed, 1, 0.2)
    assert len(check["slower"]) == (not passed)


def test_ways_to_train_in_less_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = memory_row("plain", accuracy=0.5)
    monkeypatch.setattr(techniques, "run", lambda bench, watch: ([plain], ()))
    told = found(capsys, "bench", "memory", "--out", str(tmp_path))
    assert told["table"] == str(tmp_path / "memory.csv")
    assert told["rows"][0]["saved_bytes"] == plain.saved_bytes


def test_an_error_leaves_stdout_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", "lenet6", "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1


def test_cells_of_a_table_are_numbers_where_they_are() -> None:
    lines: Lines = [
        ("a", "b", "b"),
        ("1", "2.50", "-1e3"),
        ("95.7 ± 0.4", "", "plain"),
        ("inf", "x", ""),
    ]
    told = table("t", lines)
    assert told["columns"] == ["a", "b", "b"]
    assert told["rows"] == [
        [1, 2.5, -1000.0], [{"mean": 95.7, "std": 0.4}, None, "plain"], ["inf", "x", None],
    ]  # fmt: skip


def test_what_is_no_finite_number_is_null() -> None:
    values = {"a": float("nan"), "b": [float("inf"), 1.5, {"c": -float("inf")}], "d": ("x", None)}
    text = Outcome(values, lambda console: None).json()
    assert json.loads(text) == {"a": None, "b": [None, 1.5, {"c": None}], "d": ["x", None]}
