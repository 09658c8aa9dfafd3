"""Writing on the terminal."""

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_WIDTH = 150


class Output(Console):
    """Stdout or stderr, where a reader who is gone is an error as with ``print``."""

    def on_broken_pipe(self) -> None:
        """Lets the error pass."""
        self.quiet = True
        raise


def print_table(
    console: Console,
    title: str,
    lines: Iterable[Sequence[str]],
    justify: Literal["left", "right"] = "right",
) -> None:
    """Prints a line of headings, then the others.

    Args:
        console: Where it goes.
        title: Above the table.
        lines: Cells, as many in each line; the first line has the headings.
        justify: Numbers to the right, words to the left.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    headings, *body = lines
    for heading in headings:
        table.add_column(heading, justify=justify, no_wrap=justify == "right")
    for line in body:
        table.add_row(*line)
    console.print(table)


def say(console: Console, line: str) -> None:
    """Prints a line as it is, however long."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def widen(console: Console) -> None:
    """Lets tables be wide where nothing says how wide the reader's window is."""
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)


def without_empty_columns(
    headings: tuple[str, ...], body: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """The headings and the lines below them, less the columns in which nothing stands.

    Example:
        >>> without_empty_columns(("a", "b"), [("1", ""), ("2", "")])
        [('a',), ('1',), ('2',)]
    """
    used = [any(column) for column in zip(*body, strict=True)]
    return [tuple(compress(line, used)) for line in (headings, *body)]
