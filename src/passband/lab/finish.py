"""What a command says when it is done."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from passband.lab import environment, report, results
from passband.lab.outcome import Outcome, table
from passband.lab.processes import is_first
from passband.lab.terminal import print_table, say, widen


def finish(directory: Path, words: str | None = None) -> Outcome | None:
    """Builds the report of a run directory.

    Args:
        directory: Of the run.
        words: The command line that made it; None if it is there.

    Returns:
        What came out and where it is; None in other processes than the first.
    """
    if not is_first():
        return None
    if words is not None:
        environment.save(directory, **{**environment.load(directory), "command": words})
    page = report.build(directory)
    tables = report.tables(directory)

    def show(console: Console) -> None:
        widen(console)
        for title, lines in tables.items():
            print_table(console, title, lines)
        say(console, f"report: {page.resolve()}")

    measured = results.summarise(results.read(directory / results.FILE_NAME))
    found: dict[str, Any] = {
        "directory": str(directory.resolve()),
        "report": str(page.resolve()),
        "results": str((directory / results.FILE_NAME).resolve()),
        "tables": [table(title, lines) for title, lines in tables.items()],
        "measured": [asdict(one) for one in measured],
    }
    return Outcome(found, show)
