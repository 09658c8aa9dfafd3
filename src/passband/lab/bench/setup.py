"""What every benchmark is told: where it computes, how often, and where its table goes."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch

from passband.lab.checks import check_choice, check_count, check_keep


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the benchmarks have in common.

    Attributes:
        out: The directory of table and figures.
        keep: Fractions of the half spectrum; None for each case's own.
        device: ``cpu``, ``cuda`` or one of several, ``cuda:1``.
        threads: That PyTorch computes with on a CPU.
        repeats: Timed steps of each contender.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    out: str
    keep: tuple[float, ...] | None = None
    device: str = "cpu"
    threads: int = 2
    repeats: int = 7

    def __post_init__(self) -> None:
        for keep in self.keep or ():
            if keep is None:
                raise ValueError("keep lies in (0, 1]; plain is always measured, as nn.Conv")
            check_keep(keep)
        check_count("threads", self.threads)
        if self.threads > 1024:
            raise ValueError(f"threads are at most 1024; got {self.threads}")
        check_count("repeats", self.repeats)
        check_device(self.device)

    @property
    def device_type(self) -> str:
        """``cpu`` or ``cuda``."""
        return torch.device(self.device).type


def check_device(name: str) -> None:
    """Refuses a device that is unknown or not there.

    Raises:
        ValueError: It is; the message says what there is.
    """
    there = ["cpu"]
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    check_choice("device", name, there)


def chosen(options: Namespace, kind: type[Setup], words: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a setup that a command line names; what it leaves out has its default.

    Args:
        options: As parsed.
        kind: Whose fields.
        words: The word of a field, where it has another name.
    """
    names = (field.name for field in fields(kind))
    given = {name: getattr(options, words.get(name, name), None) for name in names}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if value is not None
    }
