"""What a built wheel holds: all that the library needs, and nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

_NEEDED = (
    "passband/py.typed", "passband/functional/prices.json", "passband/lab/report.css",
    "passband/lab/experiments/icml-mnist.yaml", "passband/lab/papers/icml-mnist.csv",
)  # fmt: skip
_SUFFIXES = {".py", ".typed", ".json", ".css", ".yaml", ".csv", ".so"}
_MOST_BYTES = 4 * 2**20


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
