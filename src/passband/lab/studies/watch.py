"""Who is told of a study's progress."""

from collections.abc import Callable

Watch = Callable[[float, str], None]
"""Told how far the study is (0 to 1) and what it is doing."""


def unwatched(done: float, doing: str) -> None:
    """Tells nobody."""
