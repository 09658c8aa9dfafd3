"""``passband bench``: runs it, shows the table, and checks against a reference."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from passband.lab.bench.check import Verdict, compare, named, told
from passband.lab.bench.config import BenchConfig, grid
from passband.lab.bench.lines import legend, lines
from passband.lab.bench.row import Row, read
from passband.lab.bench.run import run
from passband.lab.bench.setup import chosen
from passband.lab.bench.targets import goal_and_must
from passband.lab.checks import check_positive
from passband.lab.outcome import Outcome
from passband.lab.progress import shown
from passband.lab.terminal import print_table, say, widen


def command(options: Namespace) -> Outcome:
    """Runs what the words ask for.

    Args:
        options: As parsed.

    Returns:
        Table and verdict; its status is 1 if the check found a ratio that fell, or nothing to
        compare.

    Raises:
        ValueError, OSError: An option is wrong, or a file cannot be read or written.
    """
    bench = config(options)
    check_positive("tolerance", options.tolerance, or_zero=True)
    if options.tolerance >= 1:
        raise ValueError(f"a tolerance is below 1, or nothing could fail; got {options.tolerance}")
    reference = [row for path in options.check or () for row in read(Path(path))]
    grid(bench)  # a wrong name is told before the first measurement
    with shown() as watch:
        rows, notes = run(bench, watch)
    where = (Path(bench.out) / f"{bench.command}.csv").resolve()
    verdict = None if options.check is None else compare(rows, reference, options.tolerance)

    def show(console: Console) -> None:
        widen(console)
        _show(console, bench, rows)
        for line in (*notes, f"table: {where}"):
            say(console, line)
        for line in () if verdict is None else told(verdict, options.tolerance):
            say(console, line)

    found = {
        "table": str(where),
        "rows": [asdict(row) for row in rows],
        "notes": notes,
        "check": None if verdict is None else _found(verdict, options.tolerance),
    }
    return Outcome(found, show, status=0 if verdict is None or verdict.passed else 1)


def _found(verdict: Verdict, tolerance: float) -> dict[str, Any]:
    """A verdict for programs."""
    names = {"slower": [now for now, _ in verdict.slower], "new": verdict.new,
             "missing": verdict.missing}  # fmt: skip
    return {
        "passed": verdict.passed,
        "tolerance": tolerance,
        "compared": verdict.compared,
        **{name: [named(row) for row in rows] for name, rows in names.items()},
        "machines": verdict.machines,
        "noisy": verdict.noisy,
    }


def config(options: Namespace) -> BenchConfig:
    """The run that the words ask for; what they leave out has its default."""
    words = {"command": "bench", "groups": "group", "cases": "case", "batches": "batch",
             "dtypes": "dtype"}  # fmt: skip
    return BenchConfig(**chosen(options, BenchConfig, words))


def _show(console: Console, bench: BenchConfig, rows: list[Row]) -> None:
    cases = {case.name: case for case in grid(bench)}

    def targets(row: Row) -> tuple[float | None, float | None]:
        assert row.keep is not None
        return goal_and_must(row.command, cases[row.case], row.keep, row.dtype, row.device)

    headings: dict[str, None] = {}
    for dtype in bench.dtypes:
        table = lines([row for row in rows if row.dtype == dtype], targets)
        title = f"{bench.command}, {dtype}: time of nn.Conv in its faster memory format ÷ ours"
        print_table(console, title, table)
        headings |= dict.fromkeys(table[0])
    console.print(legend(headings), highlight=False, markup=False)
