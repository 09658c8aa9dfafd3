"""What each of two processes that train one spectral network is asked for: they import it."""

from __future__ import annotations

import datetime
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from passband.lab.models import create_model, options

PROCESSES = 2
NAMES = ("spec_lenet5", "spec_vgg16", "spec_densenet", "spec_densenet_bn")


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    small = {"growth": 4} if "growth" in options(name) else {}
    return create_model(name, num_classes=4, in_channels=1, beta=0.1, **small).double()


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(8, 1, 28, 28, generator=generator, dtype=torch.float64)
    return x, torch.arange(8) % 4


def gradients(model: nn.Module, x: Tensor, labels: Tensor) -> list[Tensor]:
    """Of the second of two passes."""
    for _ in range(2):
        model.zero_grad()
        F.cross_entropy(model(x), labels).backward()
    return [p.grad for p in model.parameters() if p.grad is not None]


def work(rank: int, folder: str) -> None:
    """One of the processes; the first writes the gradients of all networks."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=PROCESSES,
        timeout=datetime.timedelta(seconds=60),
    )  # fmt: skip
    x, labels = (part.chunk(PROCESSES)[rank] for part in batch())
    found = {name: gradients(DistributedDataParallel(network(name)), x, labels) for name in NAMES}
    if rank == 0:
        torch.save(found, Path(folder) / "found")
    distributed.destroy_process_group()
