"""The techniques one by one, into a table and figures."""

from collections.abc import Callable
from pathlib import Path

import torch

from passband.atomic import write_atomic
from passband.lab import environment, tidy
from passband.lab.bench import machine as machines
from passband.lab.bench.machine import Machine
from passband.lab.bench.memory.accuracy import Lessons
from passband.lab.bench.memory.config import MemoryConfig
from passband.lab.bench.memory.figures import draw
from passband.lab.bench.memory.limit import Limit, find
from passband.lab.bench.memory.measurement import measure
from passband.lab.bench.memory.row import Row
from passband.lab.bench.memory.technique import PLAIN, Technique, techniques
from passband.lab.bench.peers import note
from passband.lab.bench.run import Watch
from passband.lab.files import make_writable
from passband.lab.tidy import R

TABLE, LIMITS = "memory.csv", "limit.csv"


def run(
    bench: MemoryConfig, watch: Watch = lambda done, doing: None
) -> tuple[list[Row], tuple[str, ...]]:
    """Measures every technique and writes ``memory.csv``, ``environment.yaml``, ``figures/*.svg``.

    Table and figures are written anew after each technique, so that a run that is stopped leaves
    what it has.

    Args:
        bench: What to do.
        watch: Is told of progress.

    Returns:
        The rows, and a line for each technique that could not be measured.

    Raises:
        ValueError: There is no such network, or no such data for it.
        OSError: The directory cannot be written.
    """
    bench.case()
    lessons, figures = Lessons(bench), Path(bench.out) / "figures"
    make_writable(figures)

    def write(rows: list[Row]) -> None:
        tidy.write(Path(bench.out) / TABLE, Row, rows)
        for name, svg in draw(rows).items():
            write_atomic(figures / f"{name}.svg", svg)

    return _each(bench, watch, lambda one, machine: measure(bench, one, machine, lessons), write)


def find_limits(
    bench: MemoryConfig, watch: Watch = lambda done, doing: None
) -> tuple[list[Limit], tuple[str, ...]]:
    """Finds the largest batch of every technique; writes ``limit.csv``, ``environment.yaml``.

    Arguments, results and errors are those of ``run``.
    """
    bench.case()
    make_writable(Path(bench.out))
    return _each(
        bench,
        watch,
        lambda one, machine: find(bench, one, machine),
        lambda rows: tidy.write(Path(bench.out) / LIMITS, Limit, rows),
    )


def _each(
    bench: MemoryConfig,
    watch: Watch,
    do: Callable[[Technique, Machine], R],
    write: Callable[[list[R]], None],
) -> tuple[list[R], tuple[str, ...]]:
    """What ``do`` finds for each technique; a note for those of which it finds nothing."""
    rows: list[R] = []
    notes: list[str] = []
    jobs = techniques(bench.keep)
    with machines.prepared(bench.threads):
        machine = machines.describe(torch.device(bench.device))
        environment.save(Path(bench.out), machine=machine.machine, date=machine.date)
        for index, technique in enumerate(jobs):
            watch(index / len(jobs), f"{bench.model} batch {bench.batch}: {technique.label}")
            try:
                rows.append(do(technique, machine))
            except Exception as error:  # one that cannot is no reason to stop
                if technique == PLAIN:
                    raise
                notes.append(note(technique.label, error))
            else:
                write(rows)
    watch(1.0, "done")
    return rows, tuple(notes)
