"""Silence for the notices of Lightning that say nothing about the user's run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

# Their informational lines: found devices, the precision that was asked for, a product tip.
_LOGGERS = ("lightning.pytorch", "lightning.fabric")


@contextmanager
def quiet() -> Iterator[None]:
    """Runs its body without Lightning's informational lines; warnings get through."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
