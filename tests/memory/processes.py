"""What each of two processes that train one network is asked for: they import it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from twins import EXACT, data, network, objective

import passband as pb

PROCESSES = 2
Wrap = Callable[[nn.Module], nn.Module]


def replicated(model: nn.Module) -> nn.Module:
    return DistributedDataParallel(model)


def replicated_with_a_static_graph(model: nn.Module) -> nn.Module:
    return DistributedDataParallel(model, static_graph=True, gradient_as_bucket_view=True)


def sharded_by_blocks(model: nn.Module, **options: Any) -> nn.Module:
    for block in model.children():
        if next(block.children(), None) is not None:
            fully_shard(block, **options)
    fully_shard(model)
    return model


def sharded_by_blocks_that_stay(model: nn.Module) -> nn.Module:
    return sharded_by_blocks(model, reshard_after_forward=False)


def sharded_and_checkpointed_by_blocks(model: nn.Module) -> nn.Module:
    for name, block in model.named_children():
        if next(block.children(), None) is not None:
            setattr(model, name, checkpoint_wrapper(block))
    return sharded_by_blocks(model)


def one_layer_sharded(model: nn.Module) -> nn.Module:
    fully_shard(next(model.children()))
    fully_shard(model)
    return model


def each_layer_sharded(model: nn.Module) -> nn.Module:
    for layer in list(model.modules()):
        if next(layer.children(), None) is None and next(layer.parameters(), None) is not None:
            fully_shard(layer)
    fully_shard(model)
    return model


WRAPS: dict[str, Wrap] = {
    wrap.__name__: wrap
    for wrap in (
        replicated, replicated_with_a_static_graph, sharded_by_blocks, sharded_by_blocks_that_stay,
        sharded_and_checkpointed_by_blocks, one_layer_sharded, each_layer_sharded,
    )
}  # fmt: skip
NAMES = ("residual", "pre-activation")


def work(rank: int, folder: str) -> None:
    """One of the processes; the first writes the gradients of all cases."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=PROCESSES,
        timeout=datetime.timedelta(seconds=60),
    )  # fmt: skip
    found = {}
    for name in NAMES:
        for wrap in WRAPS:
            model = network(name)
            pb.convert_(model, None, memory=EXACT)
            found[name, wrap] = _steps(WRAPS[wrap](model), rank)
    if rank == 0:
        torch.save(found, Path(folder) / "found")
    distributed.destroy_process_group()


def _steps(model: nn.Module, rank: int) -> list[Tensor]:
    """Gradients of the second of two passes."""
    for seed in range(PROCESSES):
        model.zero_grad()
        objective(model, data(seed=2 * seed + rank)).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    return [g.full_tensor() if isinstance(g, distributed.tensor.DTensor) else g for g in grads]
