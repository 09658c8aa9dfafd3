"""Writing into a run directory: YAML, and trouble found before training."""

import errno
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from passband.atomic import naming, write_atomic

_MOST_BYTES = 2**20  # of named values; PyYAML takes seconds for so many
_MOST_VALUES = 2**17


def make_writable(directory: Path, *, free: int = 0) -> None:
    """Creates a directory and proves that it takes files, before hours are spent on their content.

    Args:
        directory: Where the run will write; parents are created.
        free: Bytes that the run will need there.

    Raises:
        OSError: It cannot be created or written, or holds less than ``free`` bytes of space; the
            error names the directory.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"\0" * 4096)
        available = shutil.disk_usage(directory).free
    except OSError as error:
        raise naming(error, directory) from error
    if available < free:
        raise OSError(
            errno.ENOSPC,
            f"the run needs {free} bytes of space and {available} are free",
            str(directory),
        )


def write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    """Writes named values as YAML, in their order."""
    write_atomic(path, yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads named values.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It does not hold named values, or too many; the message names the file.
    """
    data = path.read_bytes()
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError(f"{len(data)} bytes, where it has at most {_MOST_BYTES}")
        content = yaml.safe_load(data.decode())
        _bounded(content)
        if not isinstance(content, dict):
            raise ValueError(f"expected named values; got {content!r}")
    except Exception as error:  # PyYAML fails in many ways
        raise ValueError(f"{path} is damaged: {error}") from error
    return content


def _bounded(content: object) -> None:
    """Refuses what is small in a file and endless when it is looked through: aliases of aliases."""
    left, seen = [content], 0
    while left:
        one = left.pop()
        if isinstance(one, dict | list | tuple | set):
            left.extend(one)
            seen += len(one)
        if isinstance(one, dict):
            left.extend(one.values())
        if seen > _MOST_VALUES:
            raise ValueError(f"more than {_MOST_VALUES} values")
