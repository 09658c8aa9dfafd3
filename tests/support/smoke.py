"""What an installed passband must do with torch alone, run by its Python outside the repository.

Not a test module: `matrix.py` runs it as `python -I -W error smoke.py VERSION`.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

import passband as pb
from passband.kernels.cpu import library

# These are for an extra each: the laboratory, and Triton's kernels.
_OF_EXTRAS = (
    "passband.estimators", "passband.lab", "passband.kernels.gpu.device",
    "passband.kernels.gpu.launch",
)  # fmt: skip
_NO_MODULES = ("passband.__main__", "passband.kernels.cpu._kernels")


def check_place(version: str) -> None:
    """It is the installed one, of this version."""
    assert "site-packages" in Path(pb.__file__).parts, pb.__file__
    assert pb.__version__ == version, (pb.__version__, version)


def check_modules() -> int:
    """Every module of the library imports, and with it each public name that it re-exports."""
    count = 0
    for found in pkgutil.walk_packages(pb.__path__, "passband.", onerror=_fail):
        if found.name.startswith((*_OF_EXTRAS, *_NO_MODULES)):
            continue
        importlib.import_module(found.name)
        count += 1
    return count


def _fail(name: str) -> None:
    if not name.startswith(_OF_EXTRAS):
        raise ImportError(name)


def check_kernels() -> None:
    """The compiled kernels are in the wheel, and run on this machine."""
    assert library.library() is not None, library.missing()


def check_training() -> None:
    """A converted model trains, and comes back as it was."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2),
    )  # fmt: skip
    maps, classes = torch.randn(16, 3, 12, 12), torch.arange(16) % 2
    plain = model.eval()(maps)
    pb.convert_(model, pb.Band(keep=1.0))
    torch.testing.assert_close(model(maps), plain)
    pb.revert_(model)
    pb.convert_(model.train(), pb.Band(keep=0.5), memory=pb.MemoryPolicy.exact())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(maps), classes)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0], losses
    pb.revert_(model)
    assert type(model[0]) is nn.Conv2d


def check_spectral_block() -> None:
    """A block of SpecNet, forward and backward."""
    net = nn.Sequential(
        pb.nn.ToSpectrum(margin=1), pb.nn.SpecBlock2d(3, 4, 3, beta=0.1), pb.nn.ToSpace()
    )
    net(torch.randn(2, 3, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def check_command() -> None:
    """The command line says what to install."""
    command = [sys.executable, "-I", "-m", "passband", "train"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done
    said = done.stderr.splitlines()[-1]  # PyTorch itself may say that there is no numpy
    assert said.startswith("passband: error: the commands need "), done.stderr
    assert said.endswith("pip install 'passband[lab]'"), done.stderr


if __name__ == "__main__":
    check_place(sys.argv[1])
    modules = check_modules()
    check_kernels()
    check_training()
    check_spectral_block()
    check_command()
    print(f"passband {pb.__version__}, torch {torch.__version__}, Python {sys.version.split()[0]}: "
          f"{modules} modules, kernels, training, command line")  # fmt: skip
