"""Writing into a run directory: YAML, and trouble found before training."""

import errno
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from passband.atomic import naming, write_atomic


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
        ValueError: It does not hold named values; the message names the file.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged: expected named values; got {content!r}")
    return content
