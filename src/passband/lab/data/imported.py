"""Data of the user's own code, by import path."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from passband.lab.data.checked import checked
from passband.lab.data.labeled import LabeledData
from passband.lab.importing import load_object


def load(path: str, root: Path | None = None) -> LabeledData:
    """Loads what `package.module:object` names, and checks it, see `checked`.

    Args:
        path: of an object with `train` and `test`, data sets of pairs of a map and a label, and if
            it likes `validation` and `classes`; or of a function or class that gives such an
            object, a `LabeledData`, or the two data sets.
        root: given to the function or class if it has a parameter `root`.

    Raises:
        ValueError: the path has another form, the function needs a root and there is none, or
            gives something else; or the data cannot be used.
        ImportError: there is no such module or object.
    """
    found = load_object(path)
    if callable(found) and not _has_parts(found):
        found = _called(path, found, root)
    if isinstance(found, tuple | list) and len(found) == 2:
        train, test = found
        classes = getattr(train, "classes", None)
        return checked(path, train, test, classes=classes)
    if not _has_parts(found):
        raise ValueError(
            f"{path}: gives a {type(found).__name__}; it should be the training and the test set, "
            "a LabeledData, or an object with train and test"
        )
    validation = getattr(found, "validation", None)
    classes = getattr(found, "classes", None) or getattr(found.train, "classes", None)
    return checked(path, found.train, found.test, validation, classes)


def _has_parts(found: Any) -> bool:
    # Of a class, `train` may be a method of its instances, or an annotation without a value.
    return not inspect.isclass(found) and hasattr(found, "train") and hasattr(found, "test")


def _called(path: str, function: Callable[..., Any], root: Path | None) -> Any:
    parameters = inspect.signature(function).parameters
    needed = [
        name
        for name, one in parameters.items()
        if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    if [name for name in needed if name != "root"]:
        raise ValueError(f"{path}: needs {', '.join(needed)}; it may take root and nothing else")
    if root is None:
        if needed:
            raise ValueError(f"{path}: needs a root, the folder of your data")
        return function()
    return function(root=root) if "root" in parameters else function()
