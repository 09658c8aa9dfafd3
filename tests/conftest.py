"""What tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

# Read at the first convolution. With a processor's AMX, PyTorch 2.13's own convolutions of small
# maps in bfloat16 have gradients that are wrong or not finite, and once crashed (docs/limits.md).
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")

if TYPE_CHECKING:
    from passband.lab.training import Result


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random numbers in each run, whichever tests run before."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def no_cache_on_disk() -> Iterator[None]:
    """Measured plans are not remembered from run to run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PASSBAND_CACHE", "")
        yield


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Maps this small gain nothing from threads, and test processes must not fight for cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A band-limited run of the laboratory that nothing disturbed."""
    from digits_run import config  # imported here: Lightning takes seconds, few tests need it
    from passband.lab.training import train

    return train(config(tmp_path_factory.mktemp("run"), keep=0.5))


@pytest.fixture
def browser(tmp_path: Path) -> Callable[..., str]:
    """A browser without a window: takes its options, returns what it prints."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("needs chromium on PATH")
    command = [
        found, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--no-first-run", "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=2000", "--enable-logging=stderr", "--v=0",
    ]  # fmt: skip

    def run(*words: str) -> str:
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, check=True, timeout=300
        )
        assert "CONSOLE" not in done.stderr  # no complaint of the page's
        return done.stdout

    return run
