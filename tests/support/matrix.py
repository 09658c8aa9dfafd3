"""Builds passband, and tries it with the oldest and newest Python and torch to be had.

    python tests/support/matrix.py [--torch VERSION ...] [--python PYTHON ...]

The wheel is that of `distributions.py`. For each Python and torch an empty environment gets the
wheel and torch alone, in which `smoke.py` runs; the first one also gets the extra `test` and runs
the core of the tests against the installed package. Of torch only
builds for CPUs are installed: where the index has a version as a CUDA build alone, which takes
gigabytes, the version is left out, and the closing table says so. Then the light extras are tried
(`extras.py`).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from commands import run
from distributions import ROOT, build_twice, make_builder
from extras import LIGHT, try_extras

SMOKE = Path(__file__).with_name("smoke.py")
OLDEST_PYTHON = 11  # 3.11
CORE = ("test_band.py", "nn/test_band_layers.py", "functional/test_arguments.py",
        "functional/test_against_oracle.py", "functional/test_laws.py",
        "conformance/test_module_db.py", "test_errors.py", "test_import.py")  # fmt: skip


def main(words: list[str]) -> int:
    """Runs the matrix; 0 if all of it works."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", nargs="+", help="versions (default: oldest and newest)")
    parser.add_argument("--python", nargs="+", help="interpreters (default: oldest and newest)")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="passband-support-") as folder:
        work = Path(folder)
        builder = make_builder(work / "builder")
        _, wheel = build_twice(builder, work)
        pip = [builder, "-m", "pip"]
        pythons = options.python or ends(pythons_here())
        rows = []
        for python in pythons:
            versions, left_out = torches(pip, python, options.torch)
            rows += [f"{python}, torch {one}: left out, {why}" for one, why in left_out.items()]
            if not versions:
                rows.append(compile_only(wheel, python, work))
            for version in versions:
                first = not any("works" in row for row in rows)
                rows.append(try_one(pip, wheel, python, version, work, with_tests=first))
        rows += try_extras(builder, wheel, LIGHT, work)
    print("\n".join(["", *rows]))
    return 0 if any("works" in row for row in rows) else 1


def pythons_here() -> list[str]:
    """The supported interpreters of this machine that run, the oldest first."""
    found = []
    for minor in range(OLDEST_PYTHON, OLDEST_PYTHON + 9):
        name = f"python3.{minor}"
        pyenv = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}"))
        places = [shutil.which(name), *map(str, pyenv)]
        found += [one for one in places if one is not None and runs(one)][:1]
    return found or [sys.executable]


def runs(python: str) -> bool:
    """Whether an interpreter starts: what pyenv puts on the path may stand for none."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def ends(things: list[str]) -> list[str]:
    """The first and the last."""
    return [things[0], things[-1]] if len(things) > 1 else things


def torches(
    pip: list[str], python: str, wanted: list[str] | None
) -> tuple[list[str], dict[str, str]]:
    """The versions of torch to install, and why others are left out."""
    left_out: dict[str, str] = {}

    def installs(version: str) -> bool:
        if version not in left_out and (why := refusal(pip, python, version)) is not None:
            left_out[version] = why
        return version not in left_out

    if wanted:
        return [one for one in wanted if installs(one)], left_out
    every = supported(pip, python)
    oldest = next(filter(installs, every), None)
    newest = next(filter(installs, reversed(every)), None)
    return list(dict.fromkeys(filter(None, (oldest, newest)))), left_out


def supported(pip: list[str], python: str) -> list[str]:
    """The released versions of torch that passband supports, the oldest first."""
    least = re.search(r'"torch>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert least is not None
    listed = run([*pip, "--python", python, "index", "versions", "torch"], read=True)
    found = re.search(r"Available versions: (.*)", listed)
    assert found is not None, listed
    public = {one.partition("+")[0] for one in found[1].split(", ")}
    return sorted((one for one in public if key(one) >= key(least[1])), key=key)


def key(version: str) -> tuple[int, ...]:
    """By which versions are ordered."""
    return tuple(map(int, version.split(".")))


def refusal(pip: list[str], python: str, version: str) -> str | None:
    """Why a version of torch is not installed, or None; only metadata are downloaded."""
    command = [*pip, "--python", python, "install", "--dry-run", "--no-deps",
               "--ignore-installed", "--quiet", "--report", "-", f"torch=={version}"]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    (found,) = json.loads(done.stdout)["install"]
    needs = found["metadata"].get("requires_dist", [])
    if any(re.match(r"(nvidia|cuda)-", one) for one in needs):
        return "the index has it as a CUDA build alone, which takes gigabytes"
    return None


def try_one(
    pip: list[str], wheel: Path, python: str, version: str, work: Path, *, with_tests: bool
) -> str:
    """Installs and tries passband in an environment of one Python and torch."""
    began = time.monotonic()
    folder = work / f"{Path(python).name}-torch-{version}"
    run([python, "-m", "venv", "--without-pip", folder])
    inside = str(folder / "bin" / "python")
    install = [*pip, "--python", inside, "install", "-qq", "--no-compile"]
    run([*install, wheel, f"torch=={version}"])
    passband_version = wheel.name.split("-")[1]
    # Without numpy PyTorch itself warns that there is none, when it is first used.
    warnings = ["-W", "error", "-W", "ignore:Failed to initialize NumPy"]
    run([inside, "-I", *warnings, SMOKE, passband_version], cwd=work)
    if with_tests:
        run([*install, f"{wheel}[test]", "-c", constraints(work)])
        paths = [ROOT / "tests" / one for one in CORE]
        run([inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *paths],
            cwd=ROOT)  # fmt: skip
    shutil.rmtree(folder)
    done = "smoke test and core tests" if with_tests else "smoke test"
    return f"{python}, torch {version}: works ({done}, {time.monotonic() - began:.0f} s)"


def compile_only(wheel: Path, python: str, work: Path) -> str:
    """Where no torch can be had: at least each module is one to this Python, without a warning."""
    folder = work / f"{Path(python).name}-modules"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    run([python, "-W", "error", "-m", "compileall", "-q", folder])
    return f"{python}: its compiler takes every module; nothing is run"


def constraints(work: Path) -> Path:
    """Ours, of all but torch."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    file = work / "constraints.txt"
    file.write_text("\n".join(one for one in lines if not one.startswith("torch==")))
    return file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
