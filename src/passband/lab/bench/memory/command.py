"""``passband bench memory``: runs it and shows the table."""

from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from passband.lab.bench.lines import legend
from passband.lab.bench.memory.config import MemoryConfig
from passband.lab.bench.memory.lines import MEANINGS, limit_lines, lines
from passband.lab.bench.memory.run import LIMITS, TABLE, find_limits, run
from passband.lab.bench.setup import chosen
from passband.lab.outcome import Outcome
from passband.lab.progress import shown
from passband.lab.terminal import print_table, say, widen


def command(options: Namespace) -> Outcome:
    """Runs what the words ask for.

    Args:
        options: As parsed.

    Returns:
        The table.

    Raises:
        ValueError, OSError: An option is wrong, or a file cannot be read or written.
    """
    bench = MemoryConfig(**chosen(options, MemoryConfig, {}))
    where = f"{bench.model}, {bench.device}"
    if bench.find_limit:
        with shown() as watch:
            limits, notes = find_limits(bench, watch)
        within = "its memory" if bench.limit is None else f"{bench.limit:g} GiB"
        title, table = f"{where}: largest batch in {within}", limit_lines(limits)
        rows = [asdict(one) for one in limits]
    else:
        with shown() as watch:
            measured, notes = run(bench, watch)
        title, table = f"{where}: a training step, batch {bench.batch}", lines(measured)
        rows = [asdict(one) for one in measured]
    path = (Path(bench.out) / (LIMITS if bench.find_limit else TABLE)).resolve()

    def show(console: Console) -> None:
        _show(console, title, table, (*notes, f"table: {path}"))

    return Outcome({"table": str(path), "rows": rows, "notes": notes}, show)


def _show(
    console: Console, title: str, table: Sequence[tuple[str, ...]], notes: Iterable[str]
) -> None:
    widen(console)
    print_table(console, title, table)
    ticks = ["✓"] if any(cell.endswith("✓") for line in table for cell in line) else []
    for line in (legend(dict.fromkeys([*table[0], *ticks]), MEANINGS), *notes):
        say(console, line)
