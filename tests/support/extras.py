"""Tries each extra alone: an environment of its own, in which what the extra is for must work.

    python tests/support/extras.py [EXTRA ...]

Each environment lies on top of one that holds torch and what it requires, which passband needs in
any case, so torch is installed once. Versions are those of `constraints.txt`. Nothing may bring
torchvision, which does not import beside every build of torch, nor another torch.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from commands import run
from distributions import CONSTRAINTS, ROOT, build, make_builder

LIGHT = ["safetensors", "estimators", "onnx", "lab"]  # those that `make support` tries, too
UNWANTED = {"torchaudio", "torchvision"}
# For each extra commands that must succeed, in an empty folder; `passband` and `python` are the
# environment's. What is checked needs no data, no GPU and no network.
MODEL = "import torch, passband as pb; m = torch.nn.Conv2d(1, 2, 3, padding=1).eval(); "
PROMISES: dict[str, list[list[str]]] = {
    "attacks": [["python", "-c", "import foolbox.attacks; foolbox.PyTorchModel"]],
    "dev": [["mypy", "--version"], ["ruff", "--version"], ["pre-commit", "--version"]],
    "docs": [["sphinx-build", "--version"], ["python", "-c", "import furo, myst_parser, "
              "sphinx_copybutton, sphinx_design, sphinx_gallery"]],
    "estimators": [["python", "-c", "import numpy, sklearn"]],
    "gpu": [["python", "-c", "import triton.language"]],
    "huggingface": [["python", "-c", "import datasets"]],
    "lab": [
        ["passband", "--version"],
        ["passband", "study", "list"],
        ["passband", "train", "--data", "digits", "--model", "lenet5", "--keep", "0.5",
         "--epochs", "1", "--out", "run"],
    ],
    "models": [["python", "-c", "import diffusers, monai.networks.nets, peft, transformers"]],
    "onnx": [["python", "-c", MODEL + "import onnxruntime; x = torch.rand(1, 1, 8, 8); "
              "y = m(x).detach(); pb.convert_(m, pb.Band(keep=1.0), plan='dft'); "
              "torch.onnx.export(m, (x,), 'm.onnx', dynamo=True, verbose=False); "
              "[z] = onnxruntime.InferenceSession('m.onnx').run(None, {'input': x.numpy()}); "
              "torch.testing.assert_close(torch.from_numpy(z), y)"]],
    "ray": [["python", "-c", "import ray"]],
    "safetensors": [["python", "-c", MODEL + "pb.convert_(m, pb.Band(keep=0.5)); "
                     "pb.save(m, 'm.safetensors'); pb.revert_(m); pb.load_(m, 'm.safetensors'); "
                     "assert m.band == pb.Band(keep=0.5)"]],
    "test": [["pytest", "--version"], ["python", "-c", "import expecttest, hypothesis, numpy, "
              "safetensors, scipy, sybil, xdist"]],
}  # fmt: skip


def main() -> int:
    """Tries the extras that are named, or all; 0 if all of them work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extra", nargs="*", choices=[[], *PROMISES], help="(default: all)")
    wanted = parser.parse_args().extra or list(PROMISES)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(PROMISES) == set(declared["optional-dependencies"]), "extras without a promise"
    with tempfile.TemporaryDirectory(prefix="passband-extras-") as folder:
        work = Path(folder)
        builder = make_builder(work / "builder")
        _, wheel = build(builder, ROOT, work / "dist")
        print("\n".join(["", *try_extras(builder, wheel, wanted, work)]))
    return 0


def try_extras(builder: str, wheel: Path, extras: Sequence[str], work: Path) -> list[str]:
    """What there is to say of each extra, all of which work.

    Args:
        builder: A Python with a recent pip.
        wheel: The built wheel.
        extras: Their names.
        work: A folder.

    Raises:
        subprocess.CalledProcessError: One does not install, or does not do what it is for.
        AssertionError: One brings what it must not.
    """
    base = work / "torch"
    environment(base)
    install(builder, base, "torch")
    return [try_one(builder, wheel, extra, base, work / extra) for extra in extras]


def try_one(builder: str, wheel: Path, extra: str, base: Path, folder: Path) -> str:
    """Installs one extra on top of torch, and has it do what it is for."""
    began = time.monotonic()
    environment(folder, on=base)
    before = packages(builder, folder)
    install(builder, folder, f"{wheel}[{extra}]")
    after = packages(builder, folder)
    assert not UNWANTED & set(after), f"{extra} brings {UNWANTED & set(after)}"
    assert after["torch"] == before["torch"], f"{extra} brings torch {after['torch']}"
    empty = folder / "empty"
    empty.mkdir()
    for command, *words in PROMISES[extra]:
        run([folder / "bin" / command, *words], cwd=empty, read=True)
    shutil.rmtree(folder)
    brought = len(after) - len(before) - 1  # but for passband itself
    return f"{extra}: works, {brought} packages beside torch's, {time.monotonic() - began:.0f} s"


def environment(folder: Path, on: Path | None = None) -> None:
    """Makes a virtual environment; on top of another, it has that one's packages, too."""
    run([sys.executable, "-m", "venv", "--without-pip", folder])
    if on is not None:
        (packages_there,) = on.glob("lib/python*/site-packages")
        (packages_here,) = folder.glob("lib/python*/site-packages")
        (packages_here / "below.pth").write_text(f"{packages_there}\n")


def install(builder: str, folder: Path, what: str) -> None:
    """Installs something and what it requires, in our versions."""
    python = folder / "bin" / "python"
    run([builder, "-m", "pip", "--python", python, "install", "-qq", "--no-compile",
         what, "-c", CONSTRAINTS])  # fmt: skip


def packages(builder: str, folder: Path) -> dict[str, str]:
    """The packages that an environment has, and their versions."""
    python = folder / "bin" / "python"
    command = [builder, "-m", "pip", "--python", python, "list", "--format", "json"]
    return {one["name"]: one["version"] for one in json.loads(run(command, read=True))}


if __name__ == "__main__":
    sys.exit(main())
