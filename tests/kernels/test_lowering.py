"""The kernels compile for a Hopper GPU and fit it; no GPU is needed for that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from passband.kernels.gpu.tiles import Direction, Problem

pytest.importorskip("triton", reason="Triton is not installed")

SHARED = 227 * 1024  # bytes of shared memory that a program may have


def problem(
    direction: Direction, size: int, modes: int, itemsize: int = 2, *, flat: bool = False
) -> Problem:
    columns = (1, 1) if flat else (size, modes)
    return Problem(direction, size, columns[0], modes, columns[1], flat, itemsize)


def case(what: Problem, **how: Any) -> dict[str, Any]:
    plain = {"tiles": 1, "stages": 3, "last": True, "turned": False, "aligned": True}
    return {"problem": asdict(what), **plain, **how}


CASES = {
    "56, keep .5": case(problem("analysis", 56, 21), tiles=2),
    "56, keep .5, turned": case(problem("analysis", 56, 21), turned=True),
    "56, keep .5, channels first": case(problem("analysis", 56, 21), last=False),
    "56, keep .5, float32": case(problem("analysis", 56, 21, 4)),
    "28, keep .25": case(problem("analysis", 28, 8)),
    "three channels": case(problem("analysis", 28, 8), aligned=False),
    "112, keep .5": case(problem("analysis", 112, 40)),
    "series": case(problem("analysis", 150, 40, flat=True)),
    "56, keep .5, adjoint": case(problem("adjoint", 56, 21), tiles=2),
    "56, keep .5, channels first, adjoint": case(problem("adjoint", 56, 21), last=False),
    "56, keep .5, float32, adjoint": case(problem("adjoint", 56, 21, 4)),
    "28, keep .25, adjoint": case(problem("adjoint", 28, 8)),
    "112, keep .5, adjoint": case(problem("adjoint", 112, 40)),
    "series, adjoint": case(problem("adjoint", 150, 40, flat=True)),
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("triton"))}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("lowered.py"))],
        input="\n".join(json.dumps(case) for case in CASES.values()),
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    lines = iter(done.stdout.splitlines())
    return {
        name: [json.loads(next(lines)) for _ in range(case["tiles"])]
        for name, case in CASES.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_kernel_fits_a_hopper_gpu(name: str, compiled: dict[str, list[dict[str, Any]]]) -> None:
    for kernel in compiled[name]:
        assert kernel["stack"] == 0, "registers are spilled"
        assert kernel["shared"] <= SHARED
        assert kernel["products"] > 0, "no matrix instruction"
        if CASES[name]["aligned"] and CASES[name]["last"]:
            assert "v4.b32" in kernel["widest"], "no access of 16 bytes"
