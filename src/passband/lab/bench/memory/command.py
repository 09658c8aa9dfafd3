"""``passband bench memory``: runs it and shows the table."""

from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from passband.lab.bench.lines import legend
from passband.lab.bench.memory.config import MemoryConfig
from passband.lab.bench.memory.lines import MEANINGS, limit_lines, lines
from passband.lab.bench.memory.run import LIMITS, TABLE, find_limits, run
from passband.lab.bench.setup import chosen
from passband.lab.progress import shown
from passband.lab.terminal import print_table, widen


def command(options: Namespace, console: Console) -> int:
    """Runs what the words ask for.

    Args:
        options: As parsed.
        console: Where the table goes.

    Returns:
        0.

    Raises:
        ValueError, OSError: An option is wrong, or a file cannot be read or written.
    """
    bench = MemoryConfig(**chosen(options, MemoryConfig, {}))
    where = f"{bench.model}, {bench.device}"
    if bench.find_limit:
        with shown(console) as watch:
            found, notes = find_limits(bench, watch)
        within = "its memory" if bench.limit is None else f"{bench.limit:g} GiB"
        _show(console, f"{where}: largest batch in {within}", limit_lines(found), notes)
    else:
        with shown(console) as watch:
            rows, notes = run(bench, watch)
        _show(console, f"{where}: a training step, batch {bench.batch}", lines(rows), notes)
    path = Path(bench.out) / (LIMITS if bench.find_limit else TABLE)
    console.print(f"table: {path.resolve()}", soft_wrap=True, highlight=False, markup=False)
    return 0


def _show(
    console: Console, title: str, table: Sequence[tuple[str, ...]], notes: Iterable[str]
) -> None:
    widen(console)
    print_table(console, title, table)
    ticks = ["✓"] if any(cell.endswith("✓") for line in table for cell in line) else []
    for line in (legend(dict.fromkeys([*table[0], *ticks]), MEANINGS), *notes):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
