"""What a benchmark run is."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from passband.lab.bench.case import Case
from passband.lab.bench.grid import kernels, resnet18, resnet50, series, small
from passband.lab.bench.growth import growth
from passband.lab.bench.networks import networks
from passband.lab.bench.setup import Setup
from passband.lab.checks import check_choice, check_count

COMMANDS = ("conv", "step", "inference")
GROUPS: dict[str, Callable[[], list[Case]]] = {
    "resnet18": resnet18, "kernels": kernels, "series": series, "small": small, "growth": growth,
    "resnet50": resnet50,
}  # fmt: skip
_FOR_GPUS = ("resnet50",)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class BenchConfig(Setup):
    """One run of ``passband bench conv``, ``step`` or ``inference``.

    Attributes:
        command: One of ``COMMANDS``.
        groups: Of layers, for ``conv``; None for all that suit the device.
        cases: Only the cases of these names; None for all.
        model: The network, for ``step`` and ``inference``.
        batches: Of the network; None for the command's own.
        dtypes: One or more of ``DTYPES``; bfloat16 is autocast.
        compiled: Whether ``torch.compile`` of the plain module contends as well.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    command: str
    groups: tuple[str, ...] | None = None
    cases: tuple[str, ...] | None = None
    model: str = "resnet18"
    batches: tuple[int, ...] | None = None
    dtypes: tuple[str, ...] = ("float32",)
    compiled: bool = False

    def __post_init__(self) -> None:
        check_choice("command", self.command, COMMANDS)
        for group in self.groups or ():
            check_choice("group", group, tuple(GROUPS))
        for batch in self.batches or ():
            check_count("batch", batch)
        for dtype in self.dtypes:
            check_choice("dtype", dtype, tuple(DTYPES))
        super().__post_init__()


def grid(bench: BenchConfig) -> list[Case]:
    """The cases of a run, in order.

    Raises:
        ValueError: There is no such network or case.
    """
    if bench.command == "conv":
        own = [name for name in GROUPS if name not in _FOR_GPUS or bench.device_type == "cuda"]
        cases = [case for name in bench.groups or own for case in GROUPS[name]()]
    else:
        cases = networks(bench.command, bench.model, bench.batches)
    if bench.cases is None:
        return cases
    names = tuple(case.name for case in cases)
    for name in bench.cases:
        check_choice("case", name, names)
    return [case for case in cases if case.name in bench.cases]
