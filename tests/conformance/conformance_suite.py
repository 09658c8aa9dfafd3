"""All capabilities."""

from __future__ import annotations

from dataclasses import dataclass

from autograd_rules import Gradients
from compilers import Compilers
from contract import Contract
from copies_and_files import CopiesAndFiles
from dtypes_and_layouts import DtypesAndLayouts
from hooks_and_checkpoints import HooksAndCheckpoints
from running import Distributed, OnGPU, Running
from subjects import SUBJECTS, Subject
from transforms_of_functions import FunctionTransforms
from workers import Workers

GROUPS: dict[type[Contract], str] = {
    Compilers: "Compilers and exporters",
    FunctionTransforms: "Function transforms",
    Gradients: "Autograd",
    HooksAndCheckpoints: "Hooks and checkpoints",
    DtypesAndLayouts: "Dtypes, layouts, devices",
    CopiesAndFiles: "Copies and files",
    Running: "Threads",
    Distributed: "Two processes",
    Workers: "Workers of a DataLoader",
    OnGPU: "CUDA",
}


@dataclass(frozen=True)
class Capability:
    """A column of the matrix.

    Attributes:
        name: of the method.
        title: what it asks.
        of: the class that has it.
    """

    name: str
    title: str
    of: type[Contract]

    def __str__(self) -> str:
        return self.name


CAPABILITIES: dict[str, Capability] = {
    name: Capability(name, method.__doc__, cls)
    for cls in GROUPS
    for name, method in vars(cls).items()
    if not name.startswith("_") and (method.__doc__ or ".")[-1] != "."
}


def ask(subject: Subject, capability: Capability) -> None:
    """Returns if the subject has the capability, and raises if not."""
    getattr(capability.of(subject), capability.name)()


def cells(*of: type[Contract]) -> list[tuple[Subject, Capability]]:
    return [(s, c) for c in CAPABILITIES.values() if c.of in of for s in SUBJECTS.values()]
