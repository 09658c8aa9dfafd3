"""What the built archives hold: all that is needed, and nothing else."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

_NEEDED = (
    "passband/py.typed", "passband/functional/prices.json", "passband/lab/report.css",
    "passband/lab/experiments/icml-mnist.yaml", "passband/lab/papers/icml-mnist.csv",
)  # fmt: skip
_SUFFIXES = {".py", ".typed", ".json", ".css", ".yaml", ".csv", ".so"}
_MOST_BYTES = 4 * 2**20
_NOT_IN_SDIST = (".ci/", ".github/")  # for the place where the repository lies


def check_wheel(wheel: Path, source: Path, kernels: bool) -> int:
    """Compares a wheel with the source tree that it was built from.

    Args:
        wheel: the file.
        source: the folder `src`.
        kernels: whether a compiler made the kernels here.

    Returns:
        how many files it holds.

    Raises:
        AssertionError: something is missing, or should not be there.
    """
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        members = [PurePosixPath(one) for one in archive.namelist()]
    inside = {str(one) for one in members if one.parts[0] == "passband"}
    outside = [one for one in members if one.parts[0] != "passband"]
    assert all(one.parts[0].endswith(".dist-info") for one in outside), outside
    assert any(one.name == "LICENSE" for one in outside), "no licence"
    missing = [name for name in _NEEDED if name not in inside]
    assert not missing, f"missing in the wheel: {missing}"
    code = {path.relative_to(source).as_posix() for path in source.rglob("*.py")}
    assert code == {one for one in inside if one.endswith(".py")}, "other modules than the source"
    stray = [one for one in inside if PurePosixPath(one).suffix not in _SUFFIXES]
    assert not stray, f"stray in the wheel: {stray}"
    compiled = [one for one in inside if one.endswith(".so")]
    assert bool(compiled) == kernels, f"compiled kernels: {compiled}"
    assert ("py3-none-any" in wheel.name) is not kernels, wheel.name
    size = wheel.stat().st_size
    assert size < _MOST_BYTES, f"{wheel.name} has {size} bytes"
    return len(members)


def check_sdist(sdist: Path, tracked: set[str] | None) -> int:
    """Compares a source distribution with the files of the repository.

    Args:
        sdist: The file.
        tracked: Paths of the repository's files; None where there is no repository to ask.

    Returns:
        how many files it holds.

    Raises:
        AssertionError: a file is missing, or one is in it that should not be.
    """
    with tarfile.open(sdist) as archive:
        members = [one for one in archive.getmembers() if not one.isdir()]
    assert all(one.isfile() for one in members), "links"
    inside = {one.name.partition("/")[2] for one in members}
    size = sdist.stat().st_size
    assert size < _MOST_BYTES, f"{sdist.name} has {size} bytes"
    if tracked is not None:
        wanted = {one for one in tracked if not one.startswith(_NOT_IN_SDIST)} | {"PKG-INFO"}
        assert inside == wanted, (
            f"missing: {sorted(wanted - inside)}; stray: {sorted(inside - wanted)}"
        )
    return len(inside)
