"""Exit statuses, what is said of errors, and a reader who is gone."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from passband.lab import cli

TRAIN = ["train", "--data", "digits", "--model", "lenet5", "--out", "OUT"]


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def train(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(cli, "train", train)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("such a word"), 2, "passband: error: such a word"),
        (FileNotFoundError(2, "No such file", "x.csv"), 2, "passband: error: No such file: x.csv"),
        (torch.OutOfMemoryError("out of memory"), 2, "passband: error: out of memory"),
        (
            ModuleNotFoundError("No module named 'scipy'", name="scipy.io"), 2,
            "passband: error: the commands need scipy: pip install 'passband[lab]'",
        ),
        (
            TypeError("1 +\n 'a'"), 70,
            "passband: unforeseen TypeError: 1 + 'a' (a bug of passband, or of code of yours that "
            "it runs; --debug shows where)",
        ),
        (
            AssertionError(), 70,
            "passband: unforeseen AssertionError: without a word (a bug of passband, or of code of "
            "yours that it runs; --debug shows where)",
        ),
        (
            KeyboardInterrupt(), 130,
            "passband: interrupted; the same command with --resume goes on",
        ),
    ],
)  # fmt: skip
def test_each_end_has_its_status_and_one_line(
    error: BaseException,
    status: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(monkeypatch, error)
    assert cli.main(TRAIN) == status
    assert capsys.readouterr().err == f"{line}\n"


@pytest.mark.parametrize("words", [["--debug", *TRAIN], [*TRAIN, "--debug"]])
@pytest.mark.parametrize(("error", "status"), [(ValueError("so"), 2), (KeyError("so"), 70)])
def test_debug_shows_where(
    words: list[str],
    error: Exception,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(monkeypatch, error)
    assert cli.main(words) == status
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Traceback (most recent call last):"
    assert any("in train" in line for line in told)
    assert told[-1].startswith("passband: ")


def test_debug_shows_where_a_word_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*TRAIN, "--kep", ".5", "--debug"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("Traceback")
    assert told[-1] == "passband: error: unknown option --kep; did you mean '--keep'?"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("words", [["study", "list"], ["study", "list", "--json"], ["--help"]])
def test_a_reader_who_is_gone_is_no_error(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as closed:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", closed)
        assert cli.main(words) == 128 + signal.SIGPIPE
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_nothing_is_said_after_the_reader_is_gone(tmp_path: Path) -> None:
    """Not by Python's last flush either."""
    words = f"{sys.executable} -m passband study list"
    done = subprocess.run(
        ["bash", "-c", f"{words} | head -n 1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("0", "141")  # all may have been written before
