"""How far a command is: a bar on a terminal, lines elsewhere; rates and time that is left."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from passband.lab import cli, progress, terminal
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.progress import Pace, in_words, shown
from passband.lab.studies.part import parts
from passband.lab.studies.task import Task
from passband.lab.terminal import Output, print_table

pty = pytest.importorskip("pty", reason="a pseudo terminal is POSIX's")

CONTROL = re.compile(r"\x1b\[[0-9;?]*([a-zA-Z])")
COLOURED = re.compile(r"\x1b\[[0-9;]*(?:3[0-9]|9[0-7])[0-9;]*m")


_END = "\x04end"


@contextmanager
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Stdout and stderr are a terminal; gives a function that says what it got so far."""
    ours, its = pty.openpty()
    received = bytearray()

    def read() -> None:  # or a writer would wait once the terminal's buffer is full
        with suppress(OSError):  # of the other end, which is closed
            while data := os.read(ours, 2**16):
                received.extend(data)

    reader = Thread(target=read)
    reader.start()
    with os.fdopen(its, "w", encoding="utf-8") as stream, monkeypatch.context() as patch:
        for name in ("stdout", "stderr"):
            patch.setattr(sys, name, stream)

        def got() -> str:
            print(end=_END, file=stream, flush=True)
            for _ in range(1000):
                if _END in (text := received.decode(errors="ignore")):
                    break
                time.sleep(0.01)
            text = text.partition(_END)[0]  # a bar goes on after it
            received.clear()
            return text

        yield got
    reader.join(timeout=10)
    os.close(ours)


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing around says how a terminal is."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")


def tell() -> None:
    with shown() as watch:
        watch(0.0, "reading")
        watch(0.25, "working", "70 samples/s")
        watch(1.0, "done")


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((100.0, 110.0))
    with on_terminal(monkeypatch) as got, shown() as watch:
        with monkeypatch.context() as patch:
            patch.setattr(progress, "monotonic", lambda: next(clock))
            watch(0.0, "reading")
            watch(0.25, "working", "70 samples/s")
        time.sleep(0.3)  # it is drawn ten times a second
        text = got()
    assert {"K", "m", "l"} <= set(CONTROL.findall(text))  # clears lines, colours, hides the cursor
    assert COLOURED.search(text)
    last = CONTROL.sub("", text).split("\r")[-1]
    assert "working" in last
    assert "25%" in last
    assert "70 samples/s, 30 s left" in last


def test_no_colour_if_the_reader_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with on_terminal(monkeypatch) as got:
        tell()
        text = got()
    assert CONTROL.search(text)
    assert not COLOURED.search(text)


def test_lines_on_a_dumb_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with on_terminal(monkeypatch) as got:
        tell()
        print_table(Output(), "title", [("a", "b"), ("1", "2")])
        text = got()
    assert text.startswith("[  0 %] reading\r\n[ 25 %] working, 70 samples/s")
    assert "\x1b" not in text


def test_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    tell()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "[  0 %] reading\n[ 25 %] working, 70 samples/s\n[100 %] done\n"


def test_a_table_on_a_terminal_and_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with on_terminal(monkeypatch) as got:
        assert cli.main(["study", "list"]) == 0
        assert CONTROL.search(got())
    assert cli.main(["study", "list"]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "rates" in text


def test_pace_is_that_since_the_beginning() -> None:
    pace = Pace()
    assert pace.left(0.2, 1000.0) is None  # goes on where something was stopped
    assert pace.left(0.2, 1003.0) is None
    assert pace.left(0.4, 1010.0) == 30.0
    assert pace.left(1.0, 1040.0) == 0.0
    assert pace.left(0.0, 1050.0) is None  # begins again
    assert pace.left(0.5, 1060.0) == 10.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.9, ""), (1.0, "1 s left"), (59.4, "59 s left"), (60.0, "1 min left"),
     (3599.0, "59 min left"), (3600.0, "1 h 0 min left"), (90_000.0, "25 h 0 min left")],
)  # fmt: skip
def test_time_in_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


def test_a_training_tells_samples_a_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--data", "digits", "--model", "lenet5", "--epochs", "2", "--limit", "128"]
    assert cli.main([*words, "--accelerator", "cpu", "--out", str(tmp_path / "run")]) == 0
    first, *epochs = capsys.readouterr().err.splitlines()
    assert first == "[  0 %] epoch 0 of 2"
    shape = r"\[([ \d]+) %\] epoch (\d) of 2, loss [\d.e-]+, \d+ samples/s(, \d+ s left)?"
    found = [re.fullmatch(shape, line) for line in epochs]
    assert [(one[1], one[2]) for one in found if one] == [(" 50", "1"), ("100", "2")]


def test_a_study_counts_what_is_done_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the time left is that of the others."""
    done = {"a": True, "b": False, "c": True, "d": False}

    def task(name: str) -> Task:
        run = TrainConfig.recommended("digits", "lenet5", name)
        return Task(run)

    monkeypatch.setattr(Task, "done", lambda self: done[self.run.out])
    told: list[float] = []
    for part in parts([task(name) for name in done], lambda share, doing: told.append(share)):
        assert isinstance(part.epochs, Callback)
        part.measure("bytes")
    assert told == [0.5, 0.5, 0.5, 0.75, 0.75, 0.75, 0.75, 1.0, 1.0]
    told.clear()
    done.update(dict.fromkeys(done, True))  # trained side by side: each is still to be measured
    for part in parts([task(name) for name in done], lambda share, doing: told.append(share)):
        part.measure("bytes")
    assert told == [0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1]


def test_wide_tables_where_nobody_says_how_wide(capsys: pytest.CaptureFixture[str]) -> None:
    console = Output()
    terminal.widen(console)
    assert console.width >= 150
