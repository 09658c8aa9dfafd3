"""After a step that ran out of memory, or that Ctrl-C ended, all is as it was before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from preloaded import preloaded

HERE = Path(__file__).parent
MODELS = ("converted", "exact", "bf16", "unchanged forward", "spectral", "scope")


def check(folder: Path, place: str, every: int, *models: str) -> None:
    environment = preloaded(HERE / "allocations.c", folder)
    if place != "allocation":
        environment["LD_PRELOAD"] = os.environ.get("LD_PRELOAD", "")
    words = [sys.executable, str(HERE / "interrupted_steps.py"), place, str(every), *models]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name in models:
        count, problems = found[name]
        assert problems == []
        assert count >= 40 // every
        print(f"{name}: ended at {count} places ({place})")


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_no_room_for_an_allocation(tmp_path: Path, every: int) -> None:
    check(tmp_path, "allocation", every, *MODELS)


@pytest.mark.parametrize("every", [83, pytest.param(3, marks=pytest.mark.slow)])
def test_ctrl_c_anywhere(tmp_path: Path, every: int) -> None:
    check(tmp_path, "call", every, "converted", "exact", "spectral", "scope")


@pytest.mark.parametrize("every", [43, pytest.param(1, marks=pytest.mark.slow)])
def test_ctrl_c_where_modes_come_and_go(tmp_path: Path, every: int) -> None:
    check(tmp_path, "mode", every, "exact", "scope")


def test_a_limit_of_the_process(tmp_path: Path) -> None:
    """A batch that does not fit into the address space is told of, and a small one trains."""
    code = """
import resource
import torch
from loaded_models import converted, gradients, maps, step
from passband import MemoryPolicy
for policy in (None, MemoryPolicy.exact()):
    model, twin = converted(policy), converted(policy)
    large = maps(size=(256, 256), batch=64)
    with torch.no_grad():
        model(maps()), twin(maps())
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + 40 * 2**20, hard))
    try:
        step("converted", model, large)
    except (RuntimeError, MemoryError):
        pass
    else:
        raise AssertionError("it was not told")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    model.load_state_dict(twin.state_dict())
    model.zero_grad()
    step("converted", model, maps()), step("converted", twin, maps())
    found, wanted = gradients(model), gradients(twin)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
"""
    environment = preloaded(HERE / "allocations.c", tmp_path)
    environment["PYTHONPATH"] += f"{os.pathsep}{HERE}"
    environment["LD_PRELOAD"] = os.environ.get("LD_PRELOAD", "")
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
