"""Files that are whole or as they were: written beside, and put in their place by a rename."""

from __future__ import annotations

import glob
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ModuleNotFoundError:  # Windows: what a killed writer left stays there
    fcntl = None  # type: ignore[assignment]


def write_atomic(path: Path, content: bytes | str) -> None:
    """Replaces a file in one step: a reader sees the old content or the new, never a part.

    A device or a pipe in its place is written to as it is.

    Args:
        path: The file; its directory exists.
        content: Bytes, or text stored as UTF-8.

    Raises:
        OSError: The file cannot be written; the error names ``path`` and the old file is intact.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_atomic(Path(folder, "name"), "whole")
        ...     [(file.name, file.read_text()) for file in Path(folder).iterdir()]
        [('name', 'whole')]
    """
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        try:
            path.write_bytes(data)
        except OSError as error:
            raise naming(error, path) from error
        return
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A scope that writes a file, by its handle or its name, to take the place of another.

    Where the scope is left by an error, the file goes and the other stays. Where the process is
    killed in it, the file stays until somebody writes to ``path`` again.

    Raises:
        OSError: The file cannot be written; the error names ``path``.
    """
    part = None
    try:
        target = path.resolve() if path.exists() else path  # a link stays one
        remove_parts(target)
        with _begun(target) as file:
            part = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows moves no open file
            part.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise naming(error, path) from error
    finally:
        if part is not None:
            with suppress(OSError):
                part.unlink()


def remove_parts(path: Path) -> None:
    """Removes what killed writers of a file have left beside it."""
    if fcntl is None:
        return
    with suppress(OSError):
        for part in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            with suppress(OSError), part.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while its writer lives
                part.unlink()


def _begun(path: Path) -> IO[bytes]:
    """A new file beside another, locked so that nobody takes it for one of a killed writer."""
    while True:
        file = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp").open("xb")
        if fcntl is None:
            return file
        with suppress(OSError):  # where nothing can be locked, nothing is removed either
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # somebody did, before it was locked


def _sync(directory: Path) -> None:
    """Brings a rename to the disk, where directories can be synced."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def naming(error: OSError, path: Path) -> OSError:
    """The same error with the path that the user knows instead of a temporary file's."""
    return OSError(error.errno, error.strerror or str(error), str(path))
