"""The largest batch that a technique can train, found by running."""

import gc
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from passband.lab.bench.config import DTYPES
from passband.lab.bench.machine import Machine
from passband.lab.bench.memory.config import MemoryConfig
from passband.lab.bench.memory.footprint import weight_bytes
from passband.lab.bench.memory.measurement import prepared
from passband.lab.bench.memory.technique import Technique
from passband.lab.bench.steps import precision
from passband.memory.peak import peak_bytes


@dataclass(frozen=True)
class Limit:
    """What one technique can train: a row of the table.

    Attributes:
        model: Name of the network.
        technique: ``plain``, or which way.
        keep: Asked for; None for those without a band.
        limit_bytes: Most that a step may take; None for what the GPU has.
        batch: The largest that fits; 0 if not even a single sample does.
        peak_bytes: Of that batch, counted as in the table of techniques; None if there is none.
        device: ``cpu`` or ``cuda``.
        machine: Model of the processor or GPU.
        torch: Version.
        threads: That PyTorch computed with.
        date: Day of the search.
    """

    model: str
    technique: str
    keep: float | None
    limit_bytes: int | None
    batch: int
    peak_bytes: int | None
    device: str
    machine: str
    torch: str
    threads: int
    date: str


def find(bench: MemoryConfig, technique: Technique, machine: Machine) -> Limit:
    """Finds the largest batch of a technique within the run's limit, or the GPU's memory.

    Args:
        bench: Says which network, where the search begins, and the limit.
        technique: Which one.
        machine: Facts that go into the row.
    """
    peaks: dict[int, int | None] = {}

    def fits(batch: int) -> bool:
        peaks[batch] = peak = attempt(bench, technique, batch)
        return peak is not None and (bench.limit_bytes is None or peak <= bench.limit_bytes)

    batch = largest(fits, bench.batch)
    return Limit(
        model=bench.model,
        technique=technique.name,
        keep=technique.keep,
        limit_bytes=bench.limit_bytes,
        batch=batch,
        peak_bytes=peaks.get(batch),
        **asdict(machine),
    )


def largest(fits: Callable[[int], bool], start: int) -> int:
    """The largest number that fits, by doubling, then by bisection.

    Args:
        fits: Asked for a few numbers; whatever is below one that fits, fits as well.
        start: The number that is tried first.

    Example:
        >>> largest(lambda number: number <= 37, start=8)
        37
    """
    good, bad = 0, start
    while fits(bad):
        good, bad = bad, 2 * bad
    while bad - good > 1:
        middle = (good + bad) // 2
        if fits(middle):
            good = middle
        else:
            bad = middle
    return good


def attempt(bench: MemoryConfig, technique: Technique, batch: int) -> int | None:
    """The peak of a step at a batch, or None if the device's memory is not enough for it.

    Nothing is left of either: network, batch and gradients are gone, and what a failure left in
    the allocator's cache is given back.
    """
    try:
        return _peak(bench, technique, batch)
    except torch.OutOfMemoryError:
        pass  # the error holds the frames, and they the tensors: free only after this block
    gc.collect()
    if bench.device_type == "cuda":
        torch.cuda.empty_cache()
    return None


def _peak(bench: MemoryConfig, technique: Technique, batch: int) -> int:
    """The peak of a forward and a backward pass, with weights, momentum and batch."""
    module, x, _ = prepared(bench, technique, batch)
    passes = peak_bytes(lambda: _passes(module, x, technique), x.device)
    return 2 * weight_bytes(module) + x.nbytes + passes


def _passes(module: nn.Module, x: Tensor, technique: Technique) -> None:
    with precision(DTYPES[technique.dtype], x.device):
        loss = module(x).square().mean()
    loss.backward()
