"""C code before the C library of a process of its own, which then fails where a test says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]


def preloaded(source: Path, folder: Path) -> dict[str, str]:
    """The environment of a process that begins with a C file's functions; skips without compiler.

    Args:
        source: the file.
        folder: where it is compiled to.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    library = folder / f"{source.stem}.so"
    words = [compiler, "-O1", "-Wall", "-shared", "-fPIC", str(source), "-o", str(library), "-ldl"]
    subprocess.run(words, check=True)
    paths = [str(_ROOT / "src"), str(_ROOT / "tests")]
    return {
        **os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error",
    }  # fmt: skip
