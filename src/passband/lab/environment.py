"""Versions and machine of a run, noted while it runs so that a later report can tell them."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import passband
from passband.lab.files import read_yaml, write_yaml

FILE_NAME = "environment.yaml"


def describe() -> dict[str, str]:
    """Versions and machine of this process."""
    described = {
        "passband": passband.__version__,
        "torch": str(torch.__version__),
        "lightning": version("lightning"),
    }
    described["python"] = platform.python_version()
    described["system"] = f"{platform.system()} {platform.machine()}"
    described["processor"] = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads used"
    if torch.cuda.is_available():
        described["gpu"] = torch.cuda.get_device_name()
    return described


def save(directory: Path, **more: Any) -> None:
    """Writes ``environment.yaml`` with what ``describe`` finds and ``more``."""
    write_yaml(directory / FILE_NAME, {**describe(), **more})


def load(directory: Path) -> dict[str, Any]:
    """Reads ``environment.yaml``; empty if the run did not get so far as to write it."""
    path = directory / FILE_NAME
    return read_yaml(path) if path.exists() else {}
