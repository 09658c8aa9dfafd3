"""The keeps that a study is told."""

from collections.abc import Iterable

from passband.lab.checks import check_keep


def keeps_of(given: Iterable[float | None], name: str = "keep") -> tuple[float, ...]:
    """The keeps, each once, widest first; plain (None) is part of a study without being named.

    Raises:
        TypeError, ValueError: One is no keep, or there is none.

    Example:
        >>> keeps_of([0.5, None, 1, 0.5])
        (1.0, 0.5)
    """
    given = tuple(given)
    for keep in given:
        check_keep(keep, name)
    found = tuple(sorted({float(keep) for keep in given if keep is not None}, reverse=True))
    if not found:
        raise ValueError(f"{name} is one or more in (0, 1] beside plain; got {given}")
    return found
