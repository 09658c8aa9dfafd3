"""Objects of the user's own code, by import path."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


def load_object(path: str) -> Any:
    """Imports what `package.module:object` names; the object may be an attribute of another.

    Modules in the current directory are found, too, and first, as by `python -m`: a console script
    alone would not look there. `sys.path` is as before afterwards.

    Raises:
        ValueError: the path has no such form.
        ImportError: there is no such module, it cannot be imported, or it has no such object.

    Example:
        >>> load_object("math:tau")
        6.283185307179586
    """
    module_name, colon, attributes = path.partition(":")
    names = [*module_name.split("."), *attributes.split(".")]
    if not colon or not all(name.isidentifier() for name in names):
        raise ValueError(f"an import path has the form package.module:object; got {path!r}")
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        importlib.invalidate_caches()
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise ImportError(
            f"{path!r}: module {module_name!r} cannot be imported: {error}"
        ) from error
    finally:
        sys.path[:] = before
    for name in attributes.split("."):
        if not hasattr(found, name):
            raise ImportError(f"{path!r}: {found!r} has no attribute {name!r}")
        found = getattr(found, name)
    return found
