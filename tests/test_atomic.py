"""What takes the place of a file, and what does not."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from passband import atomic
from passband.atomic import remove_parts, replacing, write_atomic

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX")


def left_by_a_killed_writer(path: Path) -> Path:
    code = (  # of the file alone: PyTorch takes seconds to import
        "import os, runpy, sys; from pathlib import Path\n"
        "with runpy.run_path(sys.argv[1])['replacing'](Path(sys.argv[2])) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, atomic.__file__, str(path)], check=False)
    assert done.returncode == -9
    (part,) = path.parent.glob(".*.tmp")
    assert part.read_bytes() == b"half"
    return part


def test_what_a_killed_writer_left_goes_when_somebody_writes_again(tmp_path: Path) -> None:
    path, other = tmp_path / "a[1]*", tmp_path / "b"
    part = left_by_a_killed_writer(path)
    write_atomic(other, "other")
    assert part.exists()
    write_atomic(path, "whole")
    assert sorted(tmp_path.iterdir()) == [path, other]


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as file:
        file.write(b"slow")
        write_atomic(path, "quick")
        remove_parts(path)
        assert path.read_text() == "quick"
    assert path.read_text() == "slow"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_written_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as file:
        Path(file.name).write_text("by name")
    assert path.read_text() == "by name"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_an_error_of_the_writer_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    link, file, loose = tmp_path / "link", tmp_path / "elsewhere" / "file", tmp_path / "loose"
    file.parent.mkdir()
    file.write_text("old")
    link.symlink_to(file)
    loose.symlink_to(tmp_path / "nowhere")
    write_atomic(link, "new")
    write_atomic(loose, "new")  # of what is not there nothing can be lost
    assert link.is_symlink()
    assert (file.read_text(), loose.read_text()) == ("new", "new")
    assert not (tmp_path / "nowhere").exists()


def test_a_device_or_a_pipe_stays_what_it_is(tmp_path: Path) -> None:
    write_atomic(Path(os.devnull), "gone")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    with pytest.raises(OSError, match="/dev/full") as caught:
        write_atomic(Path("/dev/full"), "too much")
    assert caught.value.errno == errno.ENOSPC
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    read: list[bytes] = []
    reader.start()
    write_atomic(pipe, "through")
    reader.join()
    assert read == [b"through"]
    assert pipe.is_fifo()


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        write_atomic(tmp_path, "text")


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_where_nothing_can_be_locked_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    part = left_by_a_killed_writer(tmp_path / "file")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    write_atomic(tmp_path / "file", "whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert part.exists()  # its writer may live
