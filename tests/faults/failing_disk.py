"""Every way in which writing files can be cut short, tried one by one."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

Act = Callable[[Path], object]
Files = dict[str, bytes]

KINDS = {"killed": 1, "fails once": 2, "full from then on": 3}
_ENDED, _RAISED, _BROKEN = 0, 3, 4


@dataclass
class Outcome:
    """What happened when something was written again and again, each time with another fault.

    Attributes:
        faults: How many there were.
        problems: What should not have come of one of them.
    """

    faults: int = 0
    problems: list[str] = field(default_factory=list)


def try_all(
    prepare: Act,
    write: Act,
    *,
    silent: bool = False,
    comes_last: str = "",
    every: int = 1,
    whole: Callable[[bytes], bool] = lambda content: False,
) -> Outcome:
    """Lets each system call of a writer fail, and the process be killed before and within each.

    Each file is then the old one or the new one; what was killed, or told of the fault and left
    nothing, writes all new files when it is done again.

    Args:
        prepare: Puts old files into a folder.
        write: Writes new ones.
        silent: Whether faults are not told.
        comes_last: A file with which all others are there.
        every: How many calls further the next fault is.
        whole: Of a file that is written more than once, whether this is one between old and new.
    """
    outcome = Outcome()
    old, status, _ = _files_after(prepare, None)
    assert status == _ENDED, status
    new, status, said = _files_after(prepare, write)
    assert status == _ENDED, said
    for kind, number in KINDS.items():
        for at in range(1, 10_000, every):
            with _folder() as folder:
                prepare(folder)
                run = _forked if kind == "killed" else _written
                status, said = run(write, folder, (at, number))
                if status == _ENDED and said == "not reached":
                    break
                outcome.faults += 1
                there = _read(folder)
                found = list(_problems(there, old, new, status, said, folder, silent, whole))
                if comes_last in there and there[comes_last] == new[comes_last]:
                    early = [name for name in new if there.get(name) != new[name]]
                    found += [f"{comes_last} is there before {name}" for name in early]
                status, said = _written(write, folder, None)
                if status != _ENDED:
                    found.append(f"is not done again: {said}")
                elif (again := _read(folder)) != new:
                    found.append(f"done again, leaves {_differing(again, new)}")
            outcome.problems += [f"{kind} at {at}: {problem}" for problem in found]
    return outcome


def _problems(
    files: Files,
    old: Files,
    new: Files,
    status: int,
    said: str,
    folder: Path,
    silent: bool,
    whole: Callable[[bytes], bool],
) -> Iterator[str]:
    for name, content in files.items():
        if _is_part(name):
            if status != -signal.SIGKILL:
                yield f"leaves {name}"
        elif content not in (old.get(name), new.get(name)) and not whole(content):
            yield f"{name} is neither old nor new"
    for name in old:
        if name not in files:
            yield f"{name} is gone"
    if status == _BROKEN or (silent and status == _RAISED):
        yield said
    known = {Path(name) for name in new}
    known |= {parent for name in known for parent in name.parents}
    if status == _RAISED and not any(f"{folder / name}'" in said for name in known):
        yield f"does not name the file: {said}"


def _files_after(prepare: Act, write: Act | None) -> tuple[Files, int, str]:
    with _folder() as folder:
        prepare(folder)
        status, said = _written(write, folder, None) if write else (_ENDED, "")
        return _read(folder), status, said


@contextmanager
def _folder() -> Iterator[Path]:
    """An empty folder, of the same name each time."""
    with tempfile.TemporaryDirectory() as unique:
        folder = Path(unique).with_name(f"passband-{os.getpid()}")
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _read(folder: Path) -> Files:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _is_part(name: str) -> bool:
    return Path(name).name.startswith(".") and name.endswith(".tmp")


def _differing(files: Files, others: Files) -> list[str]:
    names = {**files, **others}
    return [name for name in names if files.get(name) != others.get(name)]


def _forked(write: Act, folder: Path, fault: tuple[int, int]) -> tuple[int, str]:
    """As `_written`, in a process of its own, of which the status is -9 where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status, said = _written(write, folder, fault)
        os.write(writing, said.encode()[-60_000:])
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def _written(write: Act, folder: Path, fault: tuple[int, int] | None) -> tuple[int, str]:
    """How writing ends, and what it says."""
    disk, (at, kind) = ctypes.CDLL(None), fault or (0, 0)
    disk.disk_arm(os.fsencode(folder), ctypes.c_long(at), kind)
    try:
        write(folder)
    except OSError as error:
        return _RAISED, f"{error}"
    except BaseException:
        return _BROKEN, traceback.format_exc()
    finally:
        reached = disk.disk_count() >= at
        disk.disk_arm(b"", ctypes.c_long(0), 0)
    return _ENDED, "" if reached else "not reached"
