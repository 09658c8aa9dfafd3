"""Versions and machine of a run, noted while it runs so that a later report can tell them."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from subprocess import CalledProcessError, run
from typing import Any

import torch

import passband
from passband.lab.files import read_yaml, write_yaml

FILE_NAME = "environment.yaml"


def describe() -> dict[str, str]:
    """Versions and machine of this process."""
    described = {
        "passband": f"{passband.__version__}{_commit()}",
        "torch": str(torch.__version__),
        "lightning": version("lightning"),
    }
    described["python"] = platform.python_version()
    described["system"] = f"{platform.system()} {platform.machine()}"
    described["processor"] = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads used"
    if torch.cuda.is_available():
        described["gpu"] = torch.cuda.get_device_name()
    return described


def _commit() -> str:
    """Of the checkout that the package is run from, in brackets; nothing of an installed one."""
    package = Path(passband.__file__).parent
    git = ["git", "-C", str(package)]
    try:
        top = run(
            [*git, "rev-parse", "--show-toplevel"], capture_output=True, check=True, text=True
        )
        if Path(top.stdout.strip(), "src", "passband") != package:
            return ""  # some other repository, in which an environment lies
        said = run(
            [*git, "describe", "--always", "--dirty"], capture_output=True, check=True, text=True
        )
    except (OSError, CalledProcessError):
        return ""
    return f" (commit {said.stdout.strip()})"


def save(directory: Path, **more: Any) -> None:
    """Writes ``environment.yaml`` with what ``describe`` finds and ``more``."""
    write_yaml(directory / FILE_NAME, {**describe(), **more})


def load(directory: Path) -> dict[str, Any]:
    """Reads ``environment.yaml``; empty if the run did not get so far as to write it."""
    path = directory / FILE_NAME
    return read_yaml(path) if path.exists() else {}
