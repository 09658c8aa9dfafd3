"""What a command says when it is done."""

from pathlib import Path

from rich.console import Console

from passband.lab import environment, report
from passband.lab.processes import is_first
from passband.lab.terminal import print_table, widen


def finish(directory: Path, words: str | None = None) -> None:
    """Builds the report, and says on the last lines what came out and where it is.

    Args:
        directory: Of the run.
        words: The command line that made it; None if it is there.
    """
    if not is_first():
        return
    if words is not None:
        environment.save(directory, **{**environment.load(directory), "command": words})
    page = report.build(directory)
    out = console()
    widen(out)
    for title, lines in report.tables(directory).items():
        print_table(out, title, lines)
    say(out, page)


def say(out: Console, page: Path) -> None:
    """Says where a page is."""
    out.print(f"report: {page.resolve()}", soft_wrap=True, highlight=False, markup=False)


def console() -> Console:
    """Stdout, of which only the first of several processes makes use."""
    return Console(quiet=not is_first())
