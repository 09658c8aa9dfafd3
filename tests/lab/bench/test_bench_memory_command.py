from pathlib import Path

import pytest

from memory_row import memory_row
from passband.lab import cli, tidy
from passband.lab.bench.memory import config, run
from passband.lab.bench.memory.limit import Limit
from passband.lab.bench.memory.row import Row
from passband.lab.bench.memory.technique import Technique, techniques

MEMORY = ["bench", "memory", "--out", "OUT"]
LENET = ["--model", "lenet5", "--batch", "2", "--repeats", "1", "--threads", "1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "lenet"], "unknown model 'lenet'"),
        (["--model", "fcn"], "model 'fcn' is for series, but 'mnist-5k' holds images"),
        (["--data", "minst"], "'minst'"),
        (["--batch", "0"], "batch is at least 1; got 0"),
        (["--batch", "1", "2"], "2"),
        (["--keep", "1.5"], "keep lies in (0, 1]; got 1.5"),
        (["--epochs", "-1"], "epochs is at least 0; got -1"),
        (["--seeds", "0"], "seeds is at least 1; got 0"),
        (["--device", "abacus"], "device is one of cpu"),
        (["--check", "table.csv"], "--check"),
        (["--limit", "2"], "limit is for --find-limit alone; got --limit 2"),
        (["--find-limit"], "--limit GIB"),
        (["--find-limit", "--limit", "0"], "limit is finite and above 0; got 0.0"),
        (["--find-limit", "--limit", "5"], "limit is at most 4.0 GiB, half of"),
    ],
)
def test_a_users_error_is_one_line_and_leaves_nothing(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(config, "_installed", lambda: 8.0 * 2**30)
    out = tmp_path / "run"
    assert cli.main([*(word.replace("OUT", str(out)) for word in MEMORY), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("passband: error: ")
    assert told in line
    assert not out.exists()


def test_from_words_to_table_and_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", "memory", *LENET, "--keep", ".5", "--epochs", "0", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    shown = capsys.readouterr()
    *progress, last = shown.err.splitlines()
    assert last == "[100 %] done"
    assert all(line.startswith("[") for line in progress)
    assert "save_on_cpu: a CPU has no other memory to move to" in shown.out.splitlines()
    assert shown.out.splitlines()[-1] == f"table: {tmp_path / 'memory.csv'}"
    rows = tidy.read(tmp_path / "memory.csv", Row)
    wanted = [one for one in techniques((0.5,)) if not one.offload]
    assert [(row.technique, row.keep) for row in rows] == [(o.name, o.keep) for o in wanted]
    assert rows[0].ratio == 1
    for row in rows:
        assert (row.batch, row.repeats, row.data, row.accuracy) == (2, 1, "", None)
        assert (row.keep_measured is None) is (row.keep is None)
        assert row.peak_bytes >= row.saved_bytes
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "memory-lenet5-2-saved.svg", "memory-lenet5-2-peak.svg",
    }  # fmt: skip
    assert "machine:" in (tmp_path / "environment.yaml").read_text()


def test_limits_from_words_to_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [one for one in techniques((0.5,)) if one.name in ("plain", "save_on_cpu", "band")]
    monkeypatch.setattr(run, "techniques", lambda keeps: few)
    words = ["bench", "memory", *LENET, "--find-limit", "--limit", "0.002", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    assert "largest batch in 0.002 GiB" in shown
    assert "✓" not in shown
    assert "save_on_cpu: a CPU has no other memory to move to" in shown.splitlines()
    plain, band = tidy.read(tmp_path / "limit.csv", Limit)
    assert (plain.technique, band.technique) == ("plain", "band")
    assert min(plain.batch, band.batch) > 2


def test_a_run_that_is_stopped_leaves_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(bench: object, technique: Technique, machine: object, lessons: object) -> Row:
        if technique.name == "selective checkpoint":
            raise KeyboardInterrupt
        return memory_row(technique.name, accuracy=0.5)

    monkeypatch.setattr(run, "measure", measure)
    words = ["bench", "memory", *LENET, "--epochs", "0", "--out", str(tmp_path)]
    assert cli.main(words) == 130
    rows = [memory_row(name, accuracy=0.5) for name in ("plain", "checkpoint")]
    assert tidy.read(tmp_path / "memory.csv", Row) == rows
    assert len([*(tmp_path / "figures").iterdir()]) == 2


def test_what_goes_wrong_with_plain_is_no_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(bench: object, technique: Technique, machine: object, lessons: object) -> Row:
        raise ValueError(f"{technique.name} fails")

    monkeypatch.setattr(run, "measure", measure)
    words = ["bench", "memory", *LENET, "--epochs", "0", "--out", str(tmp_path)]
    assert cli.main(words) == 2
    assert "plain fails" in capsys.readouterr().err
