"""Whatever writes a file, and whenever disk or process fail: the old file is there, or the new."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from preloaded import preloaded

HERE = Path(__file__).parent
WRITERS = (
    "new file", "file", "link", "timings", "first timings", "table", "checkpoint",
    "checkpoint of fsdp", "model", "config", "report", "maps", "from a cluster", "inspection",
    "kernels",
)  # fmt: skip


def tried(folder: Path, *names: str, every: int = 1) -> dict[str, dict[str, Any]]:
    """What `writers.py` finds."""
    environment = {**preloaded(HERE / "disk.c", folder), "PASSBAND_CACHE": "", "EVERY": f"{every}"}
    words = [sys.executable, str(HERE / "writers.py"), *names]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return tried(tmp_path_factory.mktemp("disk"), *WRITERS, "training", every=3)


@pytest.mark.parametrize("name", [*WRITERS, "training"])
def test_system_calls_may_fail(found: dict[str, dict[str, Any]], name: str) -> None:
    assert found[name]["problems"] == []
    assert found[name]["faults"] >= 3 * 5 // 3  # created, written, synced, renamed, folder synced


@pytest.mark.slow
def test_every_system_call_may_fail(tmp_path: Path) -> None:
    for name, outcome in tried(tmp_path, *WRITERS, "training").items():
        print(f"{name}: {outcome['faults']} faults")
        assert outcome["problems"] == [], name
        assert outcome["faults"] >= 3 * 5, name
