"""Nothing public changes unnoticed: every public name, with its arguments, stands in a file.

After a change that is meant: `python tests/test_public_names.py` writes the file again, and
docs/project/versioning.md says what the change asks of the version.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import passband as pb
from passband import estimators

KNOWN = Path(__file__).with_suffix(".txt")
_OF_OTHERS = ("extra_repr", "forward", "set_score_request")  # of each module, of each estimator
AREAS = (pb, pb.analysis, estimators, pb.functional, pb.memory, pb.nn, pb.transforms)


def public_names() -> str:
    """A line for each name, with arguments and their defaults, and for each of its methods."""
    return "".join(f"{line}\n" for area in AREAS for line in area_names(area))


def area_names(area: ModuleType) -> Iterator[str]:
    """The names of a module; modules that importing left in it are none."""
    for name in sorted(vars(area)):
        thing = getattr(area, name)
        if name.startswith("_") or (inspect.ismodule(thing) and thing not in AREAS):
            continue
        where = f"{area.__name__}.{name}"
        if inspect.ismodule(thing):
            yield where
        elif not callable(thing):
            yield f"{where} = {thing!r}"
        else:
            yield where + arguments(thing)
            if inspect.isclass(thing):
                yield from (f"{where}.{one}" for one in members(thing))


def members(kind: type) -> list[str]:
    """Methods and properties of a class that are ours; fields stand among its arguments."""
    ours = [one for one in kind.__mro__ if one.__module__.partition(".")[0] == "passband"]
    found = {name: one for base in reversed(ours) for name, one in vars(base).items()}
    return sorted(
        f"{name}{arguments(getattr(one, '__func__', one))}"
        for name, one in found.items()
        if not name.startswith("_")
        and name not in _OF_OTHERS
        and (isinstance(one, property) or inspect.isroutine(one))
    )


def arguments(thing: object) -> str:
    """Names, kinds and defaults of arguments; types are left to mypy. Empty for what takes none."""
    if not callable(thing):
        return ""
    signature = inspect.signature(thing)
    plain = [one.replace(annotation=one.empty, default=shown(one.default))
             for one in signature.parameters.values()]  # fmt: skip
    return str(inspect.Signature(plain))


class Written:
    """A default that is a class or a function, as it is written in code."""

    def __init__(self, thing: Callable[..., object]) -> None:
        self.name = thing.__qualname__

    def __repr__(self) -> str:
        return self.name


def shown(default: object) -> object:
    """A default that is printed the same in every process."""
    return (
        Written(default)
        if callable(default) and default is not inspect.Parameter.empty
        else default
    )


def test_public_names_are_those_that_were_decided_on() -> None:
    assert public_names().splitlines() == KNOWN.read_text().splitlines()


def test_what_a_class_inherits_from_elsewhere_is_not_listed() -> None:
    """Of `nn.Conv2d`'s own methods none is ours to promise."""
    assert "state_dict" not in " ".join(members(pb.nn.BandConv2d))
    assert "resolve(self, lengths)" in members(pb.Band)


if __name__ == "__main__":
    sys.stdout.write(f"{KNOWN}\n")
    KNOWN.write_text(public_names())
