"""The machine: what it is, and how fast it multiplies and copies."""

import datetime
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from passband.lab.measure import finish

_SIDE = 2048  # of the matrices that are multiplied
_COPIED = 2**28  # bytes
_TRIES = 5


@dataclass(frozen=True)
class Machine:
    """Where and when it was measured; the columns of the table of the same names."""

    device: str
    machine: str
    torch: str
    threads: int
    date: str


@dataclass(frozen=True)
class Rates:
    """What a device does in a second at best.

    Attributes:
        operations: Real multiplications and additions of a matrix product.
        bytes: Read or written while copying.
    """

    operations: float
    bytes: float


def describe(device: torch.device) -> Machine:
    """This machine, as it computes on that device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return Machine(device.type, name, torch.__version__, torch.get_num_threads(), today)


def rates(dtype: torch.dtype, device: torch.device) -> Rates:
    """Measures a product of 2048 x 2048 matrices of that dtype and a copy of 256 MiB.

    The best of a few tries: a floor is what the machine could do at most.
    """
    a, b = (torch.randn(_SIDE, _SIDE, device=device).to(dtype) for _ in range(2))
    product = _best(lambda: a @ b, device)
    source = torch.zeros(_COPIED, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    copy = _best(lambda: target.copy_(source), device)
    return Rates(operations=2 * _SIDE**3 / product, bytes=2 * _COPIED / copy)


@contextmanager
def prepared(threads: int) -> Iterator[None]:
    """Computes with so many threads, and lets cuDNN look for its fastest algorithms."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):  # the peer at its best
            yield
    finally:
        torch.set_num_threads(before)


def _best(work: Callable[[], object], device: torch.device) -> float:
    work()
    seconds = []
    for _ in range(_TRIES):
        finish(device)
        start = time.perf_counter()
        work()
        finish(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _processor() -> str:
    """Model and cores of the processor."""
    model = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        lines = facts.read_text(encoding="utf-8").splitlines()
        model = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
            model,
        )
    return f"{model}, {os.cpu_count()} cores"
