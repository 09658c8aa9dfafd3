"""Commands that must succeed, as somebody would type them in a new terminal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# What a developer may have set, and a user has not.
_NOT_PASSED_ON = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "SOURCE_DATE_EPOCH")


def run(
    command: Sequence[object],
    *,
    cwd: Path | None = None,
    read: bool = False,
    umask: int = -1,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Runs a command, which is printed, and must succeed.

    Args:
        command: Its words.
        cwd: Where; here by default.
        read: Return what it prints, which is not shown then.
        umask: The permissions that its files do not get; -1: as here.
        variables: To set in its environment.
    """
    words = list(map(str, command))
    print("+", *words, flush=True)
    known = {name: one for name, one in os.environ.items() if name not in _NOT_PASSED_ON}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=known | dict(variables or {}),
        umask=umask,
        check=True,
        text=True,
        stdout=subprocess.PIPE if read else None,
    )
    return done.stdout or ""
