"""What a run of ``passband bench memory`` is."""

import math
import os
from dataclasses import dataclass

from passband.lab.bench.case import Case
from passband.lab.bench.networks import networks
from passband.lab.bench.setup import Setup
from passband.lab.checks import check_count, check_positive, check_text


@dataclass(frozen=True, kw_only=True)
class MemoryConfig(Setup):
    """One run of ``passband bench memory``.

    Attributes:
        keep: At which each of our techniques is measured.
        model: The network.
        batch: Samples of a step; for the search of the limit, where it begins.
        data: On which accuracy is measured.
        epochs: Of training, for accuracy; 0 leaves it out.
        seeds: Of training, how many from 0.
        find_limit: Whether the largest batch is looked for, and nothing else is done.
        limit: GiB that a step may take; None for what a GPU has.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    keep: tuple[float, ...] = (0.5, 0.25, 0.1)
    model: str = "resnet18"
    batch: int = 32
    data: str = "mnist-5k"
    epochs: int = 1
    seeds: int = 1
    find_limit: bool = False
    limit: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("batch", self.batch)
        check_text("data", self.data)
        check_count("epochs", self.epochs, least=0)
        check_count("seeds", self.seeds)
        if self.limit is not None:
            check_positive("limit", self.limit)
        if self.limit is not None and not self.find_limit:
            raise ValueError(f"limit is for --find-limit alone; got --limit {self.limit:g}")
        if self.find_limit and self.device_type == "cpu":
            self._check_limit_of_cpu()

    def _check_limit_of_cpu(self) -> None:
        # Beyond its memory a machine swaps, or ends processes; the search asks for twice the limit.
        most = _installed() / 2**31
        if self.limit is None:
            raise ValueError("--find-limit on a CPU asks for --limit GIB")
        if self.limit > most:
            raise ValueError(
                f"limit is at most {most:.1f} GiB, half of what this machine has, since the search "
                f"tries twice as much; got {self.limit:g}"
            )

    @property
    def limit_bytes(self) -> int | None:
        """The limit in bytes."""
        return None if self.limit is None else int(self.limit * 2**30)

    def case(self, batch: int | None = None) -> Case:
        """The network at a batch, by default the run's own.

        Raises:
            ValueError: There is no such network.
        """
        (case,) = networks("step", self.model, (self.batch if batch is None else batch,))
        return case


def _installed() -> float:
    """Bytes of this machine's memory; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return math.inf
