"""A benchmark from start to end: cases one by one into a table, then figures."""

import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from passband.atomic import write_atomic
from passband.kernels import missing
from passband.lab import environment
from passband.lab.bench import row as table
from passband.lab.bench.config import DTYPES, BenchConfig, grid
from passband.lab.bench.curves import draw
from passband.lab.bench.machine import describe, prepared, rates
from passband.lab.bench.measurement import measure
from passband.lab.bench.row import OURS, Row
from passband.lab.files import make_writable

# What peers and torch.compile warn of while they are timed: not of the user's doing.
_IRRELEVANT = (
    "Using a non-tuple sequence for multidimensional indexing",
    r"`torch\.jit\.script",
)

Watch = Callable[[float, str], None]
"""Told how far the run is (0 to 1) and what it is doing."""


def run(
    bench: BenchConfig, watch: Watch = lambda done, doing: None
) -> tuple[list[Row], tuple[str, ...]]:
    """Measures every case and writes ``COMMAND.csv``, ``environment.yaml`` and ``figures/*.svg``.

    The table is written anew after each case, so that a run that is stopped leaves what it has.

    Args:
        bench: What to do.
        watch: Is told of progress.

    Returns:
        The rows, and a line for each peer, or way of ours, that could not take part.

    Raises:
        ValueError: There is no such network or case.
        OSError: The directory cannot be written.
    """
    cases, out = grid(bench), Path(bench.out)
    make_writable(out / "figures")
    device = torch.device(bench.device)
    rows: list[Row] = []
    why = missing(bench.device_type)
    notes: dict[str, None] = {} if why is None else {f"{OURS} fused: {why}": None}
    with prepared(bench.threads), warnings.catch_warnings():
        for message in _IRRELEVANT:
            warnings.filterwarnings("ignore", message=message)
        watch(0.0, "how fast the machine multiplies and copies")
        known = {dtype: rates(DTYPES[dtype], device) for dtype in bench.dtypes}
        machine = describe(device)
        environment.save(
            out, machine=machine.machine, date=machine.date,
            rates={dtype: asdict(one) for dtype, one in known.items()},
        )  # fmt: skip
        jobs = [(case, dtype) for dtype in bench.dtypes for case in cases]
        for index, (case, dtype) in enumerate(jobs):
            watch(index / len(jobs), f"{bench.command} {case.group}: {case.name}, {dtype}")
            measured = measure(bench, case, dtype, machine, known[dtype])
            rows += measured.rows
            notes |= dict.fromkeys(
                note if note.endswith("not installed") else f"{case.name}, {note}"
                for note in measured.notes
            )
            table.write(out / f"{bench.command}.csv", rows)
    for name, svg in draw(rows).items():
        write_atomic(out / "figures" / f"{name}.svg", svg)
    watch(1.0, "done")
    return rows, tuple(notes)
