"""Silence for the notices of Lightning that say nothing about the user's run."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Its informational lines: found devices, a product tip, "max_epochs reached".
_LOGGERS = ("lightning.pytorch", "lightning.fabric")

# Each with its reason; anything else that Lightning or PyTorch warns of gets through.
_IRRELEVANT = (
    # The data sit in memory: worker processes would only slow them down.
    r".*does not have many workers",
    # A resumed run continues in its own directory.
    r".*Checkpoint directory .* exists and is not empty",
    # A run directory may move; the run goes on where it is now.
    r"The dirpath has changed from",
    # Lightning's own use of a name that newer PyTorch deprecates.
    r".*treespec, LeafSpec.*is deprecated",
    # Two processes each test a part, and the padding of the last batch is known and small.
    r".*Using `DistributedSampler` with the dataloaders",
    # No GPU was asked for when the user said "cpu".
    r".*GPU available but not used",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Runs its body without Lightning's irrelevant messages."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _IRRELEVANT:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
