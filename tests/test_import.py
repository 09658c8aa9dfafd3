"""What `import passband` costs beyond `import torch`: little time, nothing heavy, no warning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 0.2
MODULES = (
    "import sys, torch; before = set(sys.modules); import passband; "
    "print(*sorted(set(sys.modules) - before))"
)
TIME = (
    "import time, torch; began = time.process_time(); import passband; "
    "print(time.process_time() - began)"
)


def in_new_process(code: str, bytecode: Path) -> str:
    """What a program prints; a warning is an error. Bytecode is kept, as by an installation."""
    environment = {name: one for name, one in os.environ.items() if name != "PYTHONPATH"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {
        "PYTHONPYCACHEPREFIX": str(bytecode),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, env=environment
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bytecode")
    in_new_process("import passband", folder)
    return folder


def test_importing_takes_little_time(bytecode: Path) -> None:
    """Seconds of the processor; one of five tries has to do, since others use the machine, too."""
    tries = (float(in_new_process(TIME, bytecode)) for _ in range(5))
    assert any(seconds < SECONDS for seconds in tries)


def test_nothing_heavy_is_imported(bytecode: Path) -> None:
    """Beyond what PyTorch imports anyway there are our modules and a few of Python's own."""
    added = in_new_process(MODULES, bytecode).split()
    assert "passband" in added
    others = {name.partition(".")[0] for name in added} - {"passband"}
    assert others <= sys.stdlib_module_names, others  # so neither PyTorch's own, such as inductor
