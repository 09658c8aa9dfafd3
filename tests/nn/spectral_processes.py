"""What each of two processes that train a network of spectra is asked for: they import it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from passband.nn import SpecBlock2d, SpectralBatchNorm, ToSpace, ToSpectrum

PROCESSES = 2


def network(norm: bool = False) -> nn.Sequential:
    """With a norm it is to be evaluated: its statistics are those of each process."""
    torch.manual_seed(0)
    made = nn.Sequential(
        ToSpectrum(2),
        *(SpecBlock2d(i, o, 3, beta=0.3, norm=norm) for i, o in ((3, 6), (6, 5), (5, 6))),
        ToSpace(),
        nn.Flatten(),
        nn.Linear(6 * 6 * 6, 3),
    ).double()
    for layer in made.modules():
        if isinstance(layer, SpectralBatchNorm):
            layer.eval()
            layer.running_var.uniform_(0.5, 1.5)
            layer.running_mean.normal_()
    return made


def data(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, 3, 6, 6, dtype=torch.float64, generator=generator)


def gradients(model: nn.Module, x: Tensor) -> list[Tensor]:
    model.zero_grad()
    model(x).square().sum().backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    return [g.full_tensor() if isinstance(g, distributed.tensor.DTensor) else g for g in grads]


def replicated(model: nn.Sequential) -> nn.Module:
    return DistributedDataParallel(model)


def replicated_with_a_static_graph(model: nn.Sequential) -> nn.Module:
    return DistributedDataParallel(model, static_graph=True)


def sharded_by_blocks(model: nn.Sequential) -> nn.Module:
    for block in model:
        if isinstance(block, SpecBlock2d):
            fully_shard(block)
    fully_shard(model)
    return model


WRAPS: dict[str, Callable[[nn.Sequential], nn.Module]] = {
    wrap.__name__: wrap for wrap in (replicated, replicated_with_a_static_graph, sharded_by_blocks)
}


def work(rank: int, folder: str) -> None:
    """One of the processes; the first writes the gradients of all cases."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=PROCESSES,
        timeout=datetime.timedelta(seconds=60),
    )  # fmt: skip
    found = {}
    for name, wrap in WRAPS.items():
        for norm in (False, True):
            model = wrap(network(norm))
            for step in range(2):
                found[name, norm] = gradients(model, data(PROCESSES * step + rank))
    if rank == 0:
        torch.save(found, Path(folder) / "found")
    distributed.destroy_process_group()
