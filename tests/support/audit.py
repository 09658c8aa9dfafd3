"""Known vulnerabilities of what `constraints.txt` pins, by pip-audit in an environment of its own.

    python tests/support/audit.py

Ends with 1 if there are any. Where pip-audit's service does not answer, or knows none of the
packages (as behind a mirror of the index), nothing was audited: then it says so and ends with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


def main() -> int:
    """Runs pip-audit, and says what was audited."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        bin_ = Path(folder, "bin")
        subprocess.run([bin_ / "pip", "install", "-qq", "pip-audit"], check=True)
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
        command = [str(bin_ / "pip-audit"), "--requirement", str(CONSTRAINTS), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        print(f"NOT AUDITED: pip-audit could not do its work here: {reason}")
        return 0
    text, bad = verdict(json.loads(done.stdout)["dependencies"])
    print(text)
    return 1 if bad else 0


def verdict(packages: Sequence[dict[str, Any]]) -> tuple[str, bool]:
    """What pip-audit's answer comes to, in words, and whether it is bad."""
    audited = [one for one in packages if "skip_reason" not in one]
    if not audited:
        return f"NOT AUDITED: its service knows none of {len(packages)} packages here", False
    lines = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {hole['fix_versions']}"
        for one in audited
        for hole in one["vulns"]
    ]
    head = f"{len(audited)} of {len(packages)} packages audited, {len(lines)} known vulnerabilities"
    return "\n".join([head, *lines]), bool(lines)


if __name__ == "__main__":
    sys.exit(main())
