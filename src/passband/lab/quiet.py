"""Silence for the notices of Lightning that say nothing about the user's run."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Its informational lines: the seed, the found devices.
_LOGGER = "lightning.fabric"

# Each with its reason; anything else that Lightning or PyTorch warns of gets through.
_IRRELEVANT = (
    # Lightning's own use of a name that newer PyTorch deprecates.
    r".*treespec, LeafSpec.*is deprecated",
    # No GPU was asked for when the user said "cpu".
    r".*GPU available but not used",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Runs its body without Lightning's irrelevant messages."""
    logger = logging.getLogger(_LOGGER)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _IRRELEVANT:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        logger.setLevel(level)
