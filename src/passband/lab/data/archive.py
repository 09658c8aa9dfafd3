"""Members of archives, read into memory; nothing is ever extracted to a path the archive names.

An archive is refused as a whole if it holds what no published one does: absolute names, names with
`..`, links, devices. What a member may unpack to is bounded, by the limits of its format.
"""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from stat import S_ISLNK

from passband.lab.data.files import bounded

_SLACK = 2**20  # bytes for headers, and for members that nobody asked for, such as a readme

_ZIP_LIMIT = 2**31
_ZIP_RATIO = 100  # text of numbers shrinks by a factor of 2 to 20; a bomb by 1000


def of_tar(path: Path, limits: Mapping[str, int]) -> dict[str, bytes]:
    """Reads members of a `.tar.gz`.

    Args:
        path: the archive, which exists.
        limits: the bytes that each wanted member can have, by its exact name.

    Raises:
        ValueError: the archive is damaged, cut short or no such archive, lacks a member, or holds
            something hostile.
    """
    found: dict[str, bytes] = {}
    budget = sum(limits.values()) + _SLACK
    with _damage_reported(path), gzip.open(path) as plain:
        stream = _Bounded(plain, path, budget)
        # As a stream: no seeking, so nothing is unpacked twice, and all of it is counted.
        with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
            for member in archive:
                _refuse_paths(path, member.name)
                if not (member.isfile() or member.isdir()) or member.issparse():
                    raise ValueError(f"{path}: {member.name!r} is a link, a device or sparse")
                bounded(f"{path}: {member.name!r}", member.size, limits.get(member.name, budget))
                if member.name in limits and (content := archive.extractfile(member)):
                    found[member.name] = content.read()
                if len(found) == len(limits):
                    return found
    lacking = [name for name in limits if name not in found]
    raise ValueError(f"{path}: lacks {', '.join(lacking)}")


def names_of_zip(path: Path) -> tuple[str, ...]:
    """The names of the members of a `.zip`.

    Raises:
        ValueError: the archive is damaged or no such archive, or holds something hostile.
    """
    with _damage_reported(path), zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            _refuse_paths(path, member.filename)
            if S_ISLNK(member.external_attr >> 16):
                raise ValueError(f"{path}: {member.filename!r} is a link")
        return tuple(archive.namelist())


def of_zip(path: Path, name: str) -> bytes:
    """Reads a text of numbers from a `.zip`.

    Args:
        path: the archive, which exists.
        name: the exact name of a member, one of `names_of_zip`.

    Raises:
        ValueError: the member is damaged, encrypted or a bomb.
    """
    with _damage_reported(path), zipfile.ZipFile(path) as archive:
        member = archive.getinfo(name)
        shown = f"{path}: {name!r}"
        if member.flag_bits & 1:
            raise ValueError(f"{shown} is encrypted; unpack the archive with its password")
        limit = min(_ZIP_LIMIT, member.compress_size * _ZIP_RATIO + _SLACK)
        bounded(shown, member.file_size, limit)
        # No more than is declared is ever unpacked, and it must have the declared checksum.
        return archive.read(member)


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    broken = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)
    try:
        yield
    except (*broken, NotImplementedError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: half-downloaded, damaged or no archive: {error}") from error


def _refuse_paths(path: Path, name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name[:2]:
        raise ValueError(f"{path}: {name!r} points out of the archive; nothing of it was read")


class _Bounded:
    """A stream that ends in an error rather than give more than it may."""

    def __init__(self, stream: gzip.GzipFile, shown: object, limit: int) -> None:
        self.stream, self.shown, self.limit, self.count = stream, shown, limit, 0

    def read(self, count: int) -> bytes:
        data = self.stream.read(count)
        self.count += len(data)
        bounded(self.shown, self.count, self.limit)
        return data
