"""Builds the source distribution and the wheel twice, which must give the same bytes.

    python tests/support/distributions.py FOLDER

First from this tree, then from what the source distribution holds, unpacked in another folder in
another order, with other times, permissions, time zone and language. So a wheel made from the
source distribution is the wheel made from the tree, too. What is in them is checked; then they are
put into the folder. Build tools are those of `constraints.txt`, dates hatchling's fixed one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from archives import check_sdist, check_wheel
from commands import run

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
_ELSEWHERE = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
_LONG_AGO = 10**9  # seconds since 1970


def main() -> int:
    """Builds into the folder that the command line names."""
    into = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="passband-build-") as folder:
        builder = make_builder(Path(folder, "builder"))
        into.mkdir(parents=True, exist_ok=True)
        for file in build_twice(builder, Path(folder)):
            shutil.copy(file, into)
    return 0


def make_builder(folder: Path) -> str:
    """The Python of a new environment with `build` and a recent pip."""
    run([sys.executable, "-m", "venv", folder])
    python = str(folder / "bin" / "python")
    run([python, "-m", "pip", "install", "-qq", "--upgrade", "pip", "build", "-c", CONSTRAINTS])
    return python


def build_twice(builder: str, work: Path) -> tuple[Path, Path]:
    """Builds here and elsewhere, compares, and looks into the results.

    Args:
        builder: A Python that has `build`.
        work: A folder for both builds.

    Returns:
        The source distribution and the wheel.

    Raises:
        AssertionError: The builds differ, or do not hold what they should.
    """
    sdist, wheel = build(builder, ROOT, work / "here")
    elsewhere = work / "else where"  # with a space in its name
    unpack_otherwise(sdist, elsewhere)
    (copy,) = elsewhere.iterdir()
    again = build(builder, copy, work / "again", umask=0o077, variables=_ELSEWHERE)
    for one, other in zip((sdist, wheel), again, strict=True):
        first, second = digest(one), digest(other)
        assert (one.name, first) == (other.name, second), (
            f"two builds of {one.name} differ: {first} here, {second} of {other.name} elsewhere"
        )
        print(f"{one.name}: {one.stat().st_size} bytes, built twice, sha256 {first}")
    compiles = sys.platform == "linux" and shutil.which("gcc") is not None
    check_wheel(wheel, ROOT / "src", kernels=compiles)
    check_sdist(sdist, tracked())
    return sdist, wheel


def build(
    builder: str, tree: Path, into: Path, *, umask: int = -1, variables: Mapping[str, str] = {}
) -> tuple[Path, Path]:
    """A tree's source distribution and wheel, each made from the tree itself."""
    # `build` has pip make an environment for hatchling, which so is the one of our constraints.
    variables = {"PIP_CONSTRAINT": str(CONSTRAINTS), **variables}
    run([builder, "-m", "build", "--sdist", "--wheel", "--outdir", into, tree],
        umask=umask, variables=variables, read=True)  # fmt: skip
    (sdist,), (wheel,) = into.glob("*.tar.gz"), into.glob("*.whl")
    return sdist, wheel


def unpack_otherwise(sdist: Path, into: Path) -> None:
    """Unpacks with the last file first, so that folders list it so, and with other times."""
    with tarfile.open(sdist) as archive:
        for member in reversed(archive.getmembers()):
            archive.extract(member, into, filter="data")
    for file in into.rglob("*"):
        os.utime(file, (_LONG_AGO, _LONG_AGO))


def digest(file: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def tracked() -> set[str] | None:
    """The files that git knows here, those included that were only written; None without git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()}


if __name__ == "__main__":
    sys.exit(main())
