"""Ctrl-C while Lightning trains."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts() -> Iterator[None]:
    """Lets Ctrl-C arrive as ``KeyboardInterrupt``.

    Lightning tidies up after it, but then ends the process, deaf to a second one.
    """
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as end:
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from end
