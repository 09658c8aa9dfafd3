"""Processes that share a cache of plans, or have one that takes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from preloaded import preloaded

DISK = Path(__file__).parents[1] / "faults" / "disk.c"
MEASURE = """
import ctypes, os, sys
import torch
from passband import Band
from passband.functional import band_conv2d, measure
if "full" in sys.argv:
    ctypes.CDLL(None).disk_arm(os.environ["PASSBAND_CACHE"].encode(), ctypes.c_long(1), 3)
if "known" in sys.argv:
    measure._measured = None  # whoever measures fails
torch.manual_seed(0)
for size in range(8, 20):
    x, w = torch.randn(2, 3, size, size), torch.randn(4, 3, 3, 3)
    y = band_conv2d(x, w, band=Band(keep=.5), plan="measure")
    torch.testing.assert_close(y, band_conv2d(x, w, band=Band(keep=.5), plan="fft"))
"""


def begin(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MEASURE, *words], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def quiet_end(process: subprocess.Popen[str]) -> None:
    said, _ = process.communicate(timeout=120)
    assert (process.returncode, said) == (0, "")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With a cache of its own, and disks that may fail."""
    library = tmp_path / "library"
    library.mkdir()
    cache = {"PASSBAND_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    return preloaded(DISK, library) | cache


def test_two_processes_share_what_they_measure(tmp_path: Path, environment: dict[str, str]) -> None:
    for process in [begin(environment), begin(environment)]:
        quiet_end(process)
    assert len(os.listdir(tmp_path / "cache" / "timings")) == 12  # noqa: PTH208
    quiet_end(begin(environment, "known"))


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_is_no_ones_trouble(
    tmp_path: Path, environment: dict[str, str], there: bool
) -> None:
    timings = tmp_path / "cache" / "timings"
    if there:
        timings.mkdir(parents=True)
    quiet_end(begin(environment, "full"))
    assert not timings.exists() or not list(timings.iterdir())
