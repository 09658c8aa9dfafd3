"""Objects of the user's, by import path."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from passband.spelling import meant

_PATH = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")


def load_object(path: str) -> Any:
    """The object that an import path names.

    Modules of the current directory are found as `python` finds them, before all others, whichever
    way passband was started. `sys.path` is left as it was, so what a module imports only when its
    functions are called has to be there without the current directory.

    Args:
        path: `package.module:name`.

    Raises:
        TypeError: it is no str.
        ValueError: it is no such path, or the module has no such name.
        ImportError: the module is missing, or does not import; the message says what to install.

    Example:
        >>> load_object("math:tau")
        6.283185307179586
    """
    if not isinstance(path, str):
        raise TypeError(f"an import path is a str, package.module:name; got {path!r}")
    parts = _PATH.fullmatch(path)
    if parts is None:
        raise ValueError(f"an import path is package.module:name; got {path!r}")
    module, name = _imported(parts[1], path), parts[2]
    if not hasattr(module, name):
        near = meant(name, dir(module))
        raise ValueError(f"{path!r}: module {parts[1]!r} has no {name!r}{near}")
    return getattr(module, name)


def _imported(name: str, path: str) -> ModuleType:
    try:
        with _current_directory():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing, near = error.name or name, ""
        if name == missing or name.startswith(f"{missing}."):
            advice = f"there is no module {missing} in {Path.cwd()}, and none is installed"
            with _current_directory():
                near = meant(missing, (one.name for one in pkgutil.iter_modules()))
        else:
            advice = f"it imports {missing}, which is not installed"
        top = missing.partition(".")[0]
        raise ImportError(f"{path!r}: {advice} (perhaps: pip install {top}){near}") from error
    except (ImportError, RuntimeError) as error:  # the latter: torchvision, made for another torch
        top = name.partition(".")[0]
        raise ImportError(
            f"{path!r}: {name} does not import ({error}); if it is a package, install the version "
            f"of {top} that is made for this environment"
        ) from error


@contextmanager
def _current_directory() -> Iterator[None]:
    here = str(Path.cwd())
    before = sys.path.copy()
    importlib.invalidate_caches()  # or a file that was just written may not be seen
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path[:] = before
