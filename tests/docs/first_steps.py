"""A stranger's path through the README, timed, from an empty environment.

    python tests/docs/first_steps.py

Clones the checkout, makes a virtual environment, and does what the README says: the first line of
its section "First steps" (installing), its first program, and the other lines of that section.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Runs the steps and prints what each took; 1 if one of them fails."""
    path_of_a_stranger = steps((ROOT / "README.md").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "passband")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run([sys.executable, "-m", "venv", str(clone / ".venv")], check=True)
        path = f"{clone / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        began = time.monotonic()
        for name, command in path_of_a_stranger:
            before = time.monotonic()
            done = subprocess.run(command, cwd=clone, env={**os.environ, "PATH": path}, check=False)
            print(f"{time.monotonic() - before:6.1f} s  {name}", flush=True)
            if done.returncode:
                return 1
        print(f"{time.monotonic() - began:6.1f} s  in all", flush=True)
    return 0


def steps(readme: str) -> list[tuple[str, list[str]]]:
    """A name for each step, and the words to run."""
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    section = re.search(r"^## First steps\n(.*?)^## ", readme, re.DOTALL | re.MULTILINE)
    assert program is not None
    assert section is not None
    told = "".join(re.findall(r"```\n(.*?)```", section[1], re.DOTALL)).splitlines()
    lines = [line.partition("  #")[0].strip() for line in told]
    install, *others = [(line, ["bash", "-c", line]) for line in lines if line]
    return [install, ("its first program", ["python", "-c", program[1]]), *others]


if __name__ == "__main__":
    sys.exit(main())
