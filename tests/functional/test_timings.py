"""Remembered timings: what was written is read back, and nothing else ever is."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from passband.functional import timings
from passband.functional.timings import recall, remember, timings_folder

KEY = "conv2d 8x3x32x32 3x3 modes 6,6 float32 cpu threads 1"
SECONDS = {"fft": 1.25e-3, "dft": 0.7e-3, "spatial": 2.0}
OTHER = {"fft": 3.0}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where timings go; it does not exist yet."""
    monkeypatch.setenv("PASSBAND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "timings"


@pytest.fixture
def entry(folder: Path) -> Path:
    """The file of `KEY`, which is remembered."""
    remember(KEY, SECONDS)
    (path,) = folder.iterdir()
    return path


def test_what_is_remembered_is_recalled(folder: Path) -> None:
    assert recall(KEY) is None
    assert not folder.parent.exists()
    remember(KEY, SECONDS)
    remember("another", OTHER)
    assert recall(KEY) == SECONDS
    assert recall("another") == OTHER
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("key", ["", "ключ\n\0\ud800", '"}', "../../up", "k" * 9000])
def test_any_text_is_a_key(folder: Path, key: str) -> None:
    remember(key, SECONDS)
    assert recall(key) == SECONDS
    assert [path.suffix for path in folder.iterdir()] == [".json"]


@pytest.mark.parametrize(
    "seconds",
    [{}, {"fft": 0.0}, {"fft": -1.0}, {"fft": math.nan}, {"fft": math.inf}, {"fft": 1}, {1: 1.0}],
)
def test_what_is_no_time_is_not_remembered(folder: Path, seconds: dict[str, float]) -> None:
    remember(KEY, seconds)
    remember("k" * timings.MOST_BYTES, SECONDS)  # nor what is too long
    assert not folder.parent.exists()


def test_another_machine_pytorch_or_format_remembers_for_itself(
    entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = timings._processor()
    assert all(machine)
    assert f"torch {torch.__version__}" in machine
    assert json.loads(entry.read_text())["machine"][: len(machine)] == list(machine)
    with monkeypatch.context() as patch:
        patch.setattr(timings, "_processor", lambda: ("x86_64", "another"))
        assert recall(KEY) is None
        remember(KEY, OTHER)
        assert recall(KEY) == OTHER
    with monkeypatch.context() as patch:
        patch.setattr(timings, "FORMAT", timings.FORMAT + 1)
        assert recall(KEY) is None
    assert recall(KEY) == SECONDS


@pytest.mark.parametrize(
    ("names", "machine"),
    [([], []), (["A"], ["A"]), (["A", "A"], ["A"]), (["A", "B", "A"], ["A", "B", "A"])],
)
def test_gpus_are_named_once_they_are_in_use(
    monkeypatch: pytest.MonkeyPatch, names: list[str], machine: list[str]
) -> None:
    monkeypatch.setattr(torch.xpu, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)
    assert timings._gpus() == []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    assert timings._gpus() == machine


def edited(**changes: Any) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def replaced(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE: Mapping[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "empty": replaced(b""),
    "not json": replaced(b"seconds: 1"),
    "not text": replaced(bytes(range(256))),
    "foreign": replaced(b"[{}]"),
    "nested deeply": replaced(b"[" * timings.MOST_BYTES),
    "huge": lambda path: path.write_bytes(b" " * timings.MOST_BYTES + path.read_bytes()),
    "wrong version": edited(format=timings.FORMAT + 1),
    "other key": edited(key="other"),
    "other machine": edited(machine=["other"]),
    "seconds missing": edited(seconds=None),
    "no seconds": edited(seconds={}),
    "nan": edited(seconds={**SECONDS, "dft": math.nan}),
    "negative": edited(seconds={**SECONDS, "dft": -1.0}),
    "true": edited(seconds={**SECONDS, "dft": True}),
    "a number without end": edited(seconds={**SECONDS, "dft": 10**400}),
}
if sys.platform != "win32":
    DAMAGE = {**DAMAGE, "a dangling link": linked, "a pipe": piped}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_not_remembered_and_is_replaced(
    entry: Path, damage: Callable[[Path], object]
) -> None:
    damage(entry)
    assert recall(KEY) is None
    remember(KEY, OTHER)
    assert recall(KEY) == OTHER
    assert list(entry.parent.iterdir()) == [entry]


def test_an_entry_cut_off_anywhere_is_not_remembered(entry: Path) -> None:
    whole = entry.read_bytes()
    for length in range(len(whole)):
        entry.write_bytes(whole[:length])
        assert recall(KEY) is None, whole[:length]


def test_a_flipped_byte_never_raises_nor_gives_what_is_no_time(entry: Path) -> None:
    whole, rng = entry.read_bytes(), random.Random(0)
    for at in range(len(whole)):
        entry.write_bytes(whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :])
        found = recall(KEY)
        assert found is None or all(0 < value < math.inf for value in found.values())


def test_a_folder_in_an_entrys_place_is_left_there(entry: Path) -> None:
    entry.unlink()
    entry.mkdir()
    remember(KEY, SECONDS)
    assert recall(KEY) is None
    assert list(entry.parent.iterdir()) == [entry]


def test_what_may_not_be_read_or_written_is_not_remembered(entry: Path) -> None:
    entry.chmod(0)
    if os.access(entry, os.R_OK):
        pytest.skip("nothing is forbidden to root")
    assert recall(KEY) is None
    remember(KEY, OTHER)
    assert recall(KEY) == OTHER
    for mode in (0o500, 0):
        entry.parent.chmod(mode)
        try:
            remember(KEY, SECONDS)
            assert recall(KEY) == (OTHER if mode else None)
        finally:
            entry.parent.chmod(0o700)
    assert list(entry.parent.iterdir()) == [entry]


@pytest.mark.parametrize("broken", ["replace", "open", "mkdir"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_failing_write_leaves_what_was_there(
    entry: Path, monkeypatch: pytest.MonkeyPatch, broken: str, error: BaseException
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    expected = pytest.raises(KeyboardInterrupt) if error.args == () else nullcontext()
    with monkeypatch.context() as patch:
        patch.setattr(Path, broken, fail)
        with expected:
            remember(KEY, OTHER)
    assert recall(KEY) == SECONDS
    assert list(entry.parent.iterdir()) == [entry]


def test_a_cache_that_cannot_be_a_folder_remembers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for cache in (file, file / "below", Path(os.devnull), tmp_path / ("n" * 5000)):
        monkeypatch.setenv("PASSBAND_CACHE", str(cache))
        remember(KEY, SECONDS)
        assert recall(KEY) is None
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


HOME = Path.home()


@pytest.mark.parametrize(
    ("system", "environ", "expected"),
    [
        ("linux", {"PASSBAND_CACHE": ""}, None),
        ("linux", {"PASSBAND_CACHE": "/here"}, Path("/here/timings")),
        ("win32", {"PASSBAND_CACHE": "~/here"}, HOME / "here/timings"),
        ("linux", {"PASSBAND_CACHE": "~nobody-of-this-name/here"}, None),
        ("linux", {}, HOME / ".cache/passband/timings"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, HOME / ".cache/passband/timings"),
        ("linux", {"XDG_CACHE_HOME": str(HOME / "x")}, HOME / "x/passband/timings"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, HOME / "Library/Caches/passband/timings"),
        ("win32", {"LOCALAPPDATA": str(HOME / "x")}, HOME / "x/passband/timings"),
        ("win32", {}, HOME / "AppData/Local/passband/timings"),
    ],
)
def test_where_timings_are_kept(
    system: str, environ: dict[str, str], expected: Path | None
) -> None:
    assert timings_folder(system, environ) == expected


def test_an_empty_variable_touches_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSBAND_CACHE", "")
    timings._processor.cache_clear()
    touched: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event.startswith(("open", "os.", "subprocess.")):
            touched.append(f"{event} {arguments}")

    sys.addaudithook(watch)  # stays until the process ends
    remember(KEY, SECONDS)
    found = recall(KEY)
    watching = False
    assert found is None
    assert touched == []


def test_the_oldest_entries_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timings, "MOST_ENTRIES", 8)
    folder.mkdir(parents=True)
    (folder / "readme.txt").write_text("not ours")
    killed = folder / "left-by-a-killed-writer.tmp"
    killed.write_text("{")
    os.utime(killed, ns=(0, 0))
    for number in range(30):
        before = set(folder.iterdir())
        remember(f"{number}", {"fft": 1.0 + number})
        for path in set(folder.iterdir()) - before:
            os.utime(path, ns=(0, 1 + number))  # clocks of file systems are coarse
        assert len(list(folder.iterdir())) <= 8 + 1
        assert recall(f"{number}") == {"fft": 1.0 + number}
    left = [number for number in range(30) if recall(f"{number}")]
    assert left == list(range(30 - len(left), 30))
    assert len(left) >= 6
    assert (folder / "readme.txt").exists()
    assert not killed.exists()


def of_one_writer(found: Mapping[str, float] | None) -> bool:
    return found is not None and set(found) == set(SECONDS) and len(set(found.values())) == 1


def write_and_read(worker: int, may_go: bool = False, count: int = 25) -> bool:
    """Remembers keys of its own and keys that all workers share, which stay readable throughout."""
    rng, fine = random.Random(worker), True
    for number in range(count):
        shared = f"shared {rng.randrange(4)}"
        remember(f"own {worker} {number}", SECONDS)
        remember(shared, dict.fromkeys(SECONDS, 1.0 + worker))
        found = recall(shared)
        fine &= of_one_writer(found) or (may_go and found is None)
    return fine


def check_what_workers_wrote(folder: Path, workers: int = 8, count: int = 25) -> None:
    for worker in range(workers):
        for number in range(count):
            assert recall(f"own {worker} {number}") == SECONDS
    assert all(of_one_writer(recall(f"shared {number}")) for number in range(4))
    assert len(list(folder.iterdir())) == workers * count + 4


def test_two_writers_of_one_entry_do_not_meet(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(path: Path, target: Path) -> None:
        monkeypatch.undo()
        monkeypatch.setenv("PASSBAND_CACHE", str(folder.parent))
        remember(KEY, OTHER)
        path.replace(target)

    monkeypatch.setattr(Path, "replace", overtaken)
    remember(KEY, SECONDS)
    assert recall(KEY) == SECONDS
    assert len(list(folder.iterdir())) == 1


def test_threads_share_the_cache(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(8)))
    check_what_workers_wrote(folder)


def test_threads_make_room_at_the_same_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timings, "MOST_ENTRIES", 16)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(8), [True] * 8))
    remember(KEY, SECONDS)
    assert recall(KEY) == SECONDS
    assert len(list(folder.iterdir())) <= 16


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
def test_processes_share_the_cache_and_may_be_killed_at_any_moment(folder: Path) -> None:
    # A process of its own to fork from: it has no threads yet.
    done = subprocess.run(
        [sys.executable, __file__], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    check_what_workers_wrote(folder)


def _processes() -> None:
    """Workers that finish, then some that are killed, as a program: the exit status tells."""
    import resource

    folder = timings_folder(sys.platform, os.environ)
    assert folder is not None
    assert not folder.parent.exists(), "importing touched the disk"

    def fork(work: Callable[[], bool]) -> int:
        child = os.fork()
        if child == 0:
            os._exit(0 if work() else 1)
        return child

    finishing = [fork(lambda worker=worker: write_and_read(worker)) for worker in range(8)]  # type: ignore[misc]
    assert all(os.waitpid(child, 0)[1] == 0 for child in finishing)

    def write_forever() -> bool:
        while True:
            remember("shared 0", dict.fromkeys(SECONDS, 9.0))

    written = set(folder.iterdir())
    for _ in range(10):
        child = fork(write_forever)
        time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = recall("shared 0")
        assert of_one_writer(found), found
    for path in set(folder.iterdir()) - written:
        assert path.suffix == ".tmp", path
        path.unlink()

    # A disk that really refuses to take more, in the middle of a file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
    remember("shared 0", dict.fromkeys(SECONDS, 5.0))
    remember("too much", SECONDS)
    assert recall("shared 0") == found
    assert recall("too much") is None
    assert set(folder.iterdir()) == written


if __name__ == "__main__":
    _processes()
