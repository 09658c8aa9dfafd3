"""The packages of attacks, imported when a study first needs them."""

import os
import warnings
from importlib.util import find_spec
from types import ModuleType

from passband.lab.data.packages import require

AUTO_ATTACKS = ("autoattack", "torchattacks")


def foolbox() -> ModuleType:
    """Foolbox.

    Raises:
        ImportError: It is missing or broken; the message says what to install.
    """
    # Of its collection of models, which nothing here uses, it imports a package that refuses to be
    # imported where there is no git.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its own use of a moved name of SciPy
        return require("foolbox", extra="attacks")


def auto_attack() -> ModuleType | None:
    """The first package with AutoAttack that can be imported here; none of them is an extra."""
    for name in AUTO_ATTACKS:
        if find_spec(name) is not None:
            try:
                return require(name, extra="attacks")
            except (ImportError, RuntimeError):  # the latter: torchvision, made for another torch
                continue
    return None
