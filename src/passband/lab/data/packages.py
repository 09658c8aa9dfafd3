"""Optional packages, imported when a data set first needs them: some take seconds to import."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str, extra: str = "lab") -> ModuleType:
    """Imports a module of an extra.

    Raises:
        ImportError: it is missing or broken; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"this needs {module}, which cannot be imported ({error}): "
            f'pip install "passband[{extra}]"'
        ) from error
