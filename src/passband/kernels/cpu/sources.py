"""What the compiled kernels are made from; `hatch_build.py` runs this file without torch."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest(folder: Path) -> str | None:
    """Of the names and contents of a folder's C files; None where there are none, as in a wheel."""
    files = sorted([*folder.glob("*.c"), *folder.glob("*.h")], key=lambda file: file.name)
    if not files:
        return None
    each = [f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.name}\n" for file in files]
    return hashlib.sha256("".join(each).encode()).hexdigest()[:16]
