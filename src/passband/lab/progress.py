"""Showing how far a command is: a bar on a terminal, a line for each step elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from passband.lab.processes import is_first
from passband.lab.terminal import Output, say


class Watch(Protocol):
    """Is told of progress.

    Args:
        done: How far things are, 0 to 1.
        doing: What is being done.
        rate: How fast, in words.
    """

    def __call__(self, done: float, doing: str, rate: str = "") -> None: ...  # noqa: D102


class Pace:
    """How long things take that go on as they did since they began.

    They may begin in the middle, where something that was stopped goes on, and begin again.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._last = 0.0

    def left(self, done: float, now: float) -> float | None:
        """Seconds that are left; None if nothing is known of them.

        Args:
            done: How far things are, 0 to 1.
            now: Seconds of some clock.

        Example:
            >>> pace = Pace()
            >>> pace.left(0.5, now=100), pace.left(0.6, now=110)  # a tenth took 10 s
            (None, 40.0)
        """
        if self._first is None or done < self._last:
            self._first = done, now
        self._last = done
        start, began = self._first
        return round((now - began) * (1 - done) / (done - start), 3) if done > start else None


def in_words(seconds: float | None) -> str:
    """Time that is left, in its one or two greatest units; empty below a second.

    Example:
        >>> in_words(7384), in_words(62), in_words(4.4), in_words(0.3)
        ('2 h 3 min left', '1 min left', '4 s left', '')
    """
    if seconds is None or seconds < 1:
        return ""
    minutes = int(seconds // 60)
    if not minutes:
        return f"{seconds:.0f} s left"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min left" if hours else f"{minutes} min left"


@contextmanager
def shown() -> Iterator[Watch]:
    """Shows on stderr what is told to the function that it gives."""
    console, pace = Output(stderr=True, quiet=not is_first()), Pace()
    if not console.is_terminal or console.is_dumb_terminal:
        last = ""

        def line(done: float, doing: str, rate: str = "") -> None:
            nonlocal last
            left = in_words(pace.left(done, monotonic()))
            if doing != last:
                words = ", ".join(filter(None, (doing, rate, left)))
                say(console, f"[{100 * done:3.0f} %] {words}")
                last = doing

        yield line
        return

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[more]}", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=1.0, more="")

        def bar(done: float, doing: str, rate: str = "") -> None:
            left = in_words(pace.left(done, monotonic()))
            more = ", ".join(filter(None, (rate, left)))
            progress.update(task, completed=done, description=doing, more=more)

        yield bar
