"""Files of published data sets: there, not larger than they can be, and those that were published.

Nothing here trusts a file: what is read is bounded before, and checked before it is understood.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

Digests = Mapping[str, str]
"""The MD5 of each file, as published, by its name in the folder or archive of its data set."""


def read(path: Path, limit: int) -> bytes:
    """The whole content of a file.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it has more bytes than `limit`.
    """
    if not path.is_file():
        raise missing(path)
    bounded(path, path.stat().st_size, limit)
    return path.read_bytes()


def bounded(shown: object, count: int, limit: int) -> None:
    """Refuses what is larger than its format allows.

    Raises:
        ValueError: `count` bytes are more than `limit`.
    """
    if count > limit:
        raise ValueError(
            f"{shown}: {count} bytes, but such a file has at most {limit}: not what it claims to be"
        )


def published(shown: object, content: bytes, name: str, digests: Digests) -> bytes:
    """The content, if it is the published one.

    Raises:
        ValueError: its checksum differs.
    """
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != digests[name]:
        raise ValueError(
            f"{shown}: MD5 {found}, but the published file has {digests[name]}: half-downloaded, "
            "damaged, or another file; it was not read any further"
        )
    return content


def missing(path: Path, expected: str = "") -> FileNotFoundError:
    """An error that names the outermost folder, or the file, that is not there.

    Args:
        path: the file that was wanted.
        expected: what should have been there; by default the path.
    """
    absent = next((at for at in (*reversed(path.parents), path) if not at.exists()), path)
    return FileNotFoundError(f"{absent} does not exist; expected {expected or path}")
