"""Foolbox, which is an extra."""

import warnings
from typing import Any

import pytest


def foolbox() -> Any:
    """The package; a test that calls this skips where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of SciPy's, when it is imported
        return pytest.importorskip("foolbox", reason="needs pip install 'passband[attacks]'")
