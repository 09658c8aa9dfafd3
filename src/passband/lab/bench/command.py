"""``passband bench``: runs it, shows the table, and checks against a reference."""

from argparse import Namespace
from pathlib import Path

from rich.console import Console

from passband.lab.bench.check import compare, told
from passband.lab.bench.config import BenchConfig, grid
from passband.lab.bench.lines import legend, lines
from passband.lab.bench.row import Row, read
from passband.lab.bench.run import run
from passband.lab.bench.setup import chosen
from passband.lab.bench.targets import goal_and_must
from passband.lab.checks import check_positive
from passband.lab.progress import shown
from passband.lab.terminal import print_table, widen


def command(options: Namespace, console: Console) -> int:
    """Runs what the words ask for.

    Args:
        options: As parsed.
        console: Where table and verdict go.

    Returns:
        0, or 1 if the check found a ratio that fell, or nothing to compare.

    Raises:
        ValueError, OSError: An option is wrong, or a file cannot be read or written.
    """
    bench = config(options)
    check_positive("tolerance", options.tolerance, or_zero=True)
    if options.tolerance >= 1:
        raise ValueError(f"a tolerance is below 1, or nothing could fail; got {options.tolerance}")
    reference = [row for path in options.check or () for row in read(Path(path))]
    grid(bench)  # a wrong name is told before the first measurement
    with shown(console) as watch:
        rows, notes = run(bench, watch)
    widen(console)
    _show(console, bench, rows)
    for note in notes:
        console.print(note, soft_wrap=True, highlight=False, markup=False)
    where = Path(bench.out) / f"{bench.command}.csv"
    console.print(f"table: {where.resolve()}", soft_wrap=True, highlight=False, markup=False)
    if options.check is None:
        return 0
    verdict = compare(rows, reference, options.tolerance)
    for line in told(verdict, options.tolerance):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    return 1 if verdict.slower or not verdict.compared else 0


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
