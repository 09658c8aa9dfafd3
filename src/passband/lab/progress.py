"""Showing how far a study is: a bar on a terminal, a line for each step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


@contextmanager
def shown(console: Console) -> Iterator[Callable[[float, str], None]]:
    """Gives a function that is told how far things are (0 to 1) and what is being done."""
    if not console.is_terminal:
        last = ""

        def say(done: float, doing: str) -> None:
            nonlocal last
            if doing != last:
                console.print(f"[{100 * done:3.0f} %] {doing}", markup=False, highlight=False)
                last = doing

        yield say
        return

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda done, doing: progress.update(task, completed=done, description=doing)
