"""Tables on the terminal."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def print_table(console: Console, title: str, lines: Iterable[Sequence[str]]) -> None:
    """Prints a line of headings, then the others.

    Args:
        console: Where it goes.
        title: Above the table.
        lines: Cells, as many in each line; the first line has the headings.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    headings, *body = lines
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for line in body:
        table.add_row(*line)
    console.print(table)
