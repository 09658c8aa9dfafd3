"""What threads, processes and GPUs ask of a layer."""

from __future__ import annotations

import copy
import threading
from typing import Any

import torch
from contract import BF16, F16, F32, Contract, assert_near, results
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

THREADS, RANKS = 8, 2


class Running(Contract):
    """Threads."""

    def threads(self) -> None:
        """Eight threads share a model in inference"""
        model = self.evaluated()
        batches = [self.maps(1 + i % 3, seed=i) for i in range(THREADS)]
        with torch.no_grad():
            expected = [self.once(model, x) for x in batches]
        found: dict[int, list[Tensor]] = {}
        fresh = self.evaluated()
        start = threading.Barrier(THREADS)

        def work(number: int) -> None:
            start.wait()
            with torch.no_grad():
                found[number] = [fresh(batches[number]) for _ in range(5)]

        workers = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for number in range(THREADS):
            for y in found[number]:
                if "noise" in self.subject.kinds:  # which threads draw from one generator
                    assert y.shape == expected[number].shape
                else:
                    assert_near([y], [expected[number]], 2e-5)

    def once(self, model: nn.Module, x: Tensor) -> Tensor:
        torch.manual_seed(1)
        y: Tensor = model(x)
        return y


class Distributed(Contract):
    """Run by each of two processes of a group."""

    def ddp(self) -> None:
        """DDP of two processes is one process with both batches; `no_sync` adds up"""
        wrapped = DistributedDataParallel(self.evaluated())
        expected = [self.gradients(self.evaluated(), rank) for rank in range(RANKS)]
        self.gradients_alike(self.gradients(wrapped, distributed.get_rank()), mean(expected))
        wrapped.zero_grad()
        with wrapped.no_sync():
            self.gradients(wrapped, RANKS + distributed.get_rank(), clear=False)
        found = self.gradients(wrapped, distributed.get_rank(), clear=False)
        more = [self.gradients(self.evaluated(), RANKS + rank) for rank in range(RANKS)]
        sums = [a + b for a, b in zip(mean(expected), mean(more), strict=True)]
        self.gradients_alike(found, sums)

    def fsdp(self) -> None:
        """FSDP2, `fully_shard` of the model, is one process with both batches"""
        model = self.evaluated()
        fully_shard(model)
        expected = [self.gradients(self.evaluated(), rank) for rank in range(RANKS)]
        for _ in range(2):
            found = self.gradients(model, distributed.get_rank())
            self.gradients_alike(found, mean(expected))

    def gradients(self, model: nn.Module, seed: int, *, clear: bool = True) -> list[Tensor]:
        if clear:
            model.zero_grad()
        torch.manual_seed(1)
        model(self.maps(seed=seed)).square().sum().backward()
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        return [
            g.full_tensor() if isinstance(g, distributed.tensor.DTensor) else g.clone()
            for g in grads
        ]


class OnGPU(Contract):
    """With a CUDA device."""

    def cuda(self) -> None:
        """Values and gradients are those of the CPU"""
        self.on_cuda(F32, 1e-3)

    def cuda_autocast(self) -> None:
        """Autocast on CUDA, bfloat16 and float16"""
        for dtype in (BF16, F16):
            model, x = self.model().cuda(), self.maps().cuda()

            def lower(x: Tensor, model: nn.Module = model, dtype: torch.dtype = dtype) -> Any:
                with torch.autocast("cuda", dtype):
                    return model(x)

            found = results(model, x, lower)
            self.alike(found, results(self.model().cuda(), x), 0.15)

    def cuda_half(self) -> None:
        """bfloat16 and float16 models on CUDA"""
        for dtype in (BF16, F16):
            # A threshold behind a norm: what rounds to the other side of it goes or stays.
            self.on_cuda(dtype, 0.2 if self.subject.name == "SpecBlock2d, norm" else 0.1)

    def on_cuda(self, dtype: torch.dtype, tolerance: float) -> None:
        model, x = self.model(dtype), self.maps(dtype=dtype)
        found = results(copy.deepcopy(model).cuda(), x.cuda())
        if "noise" not in self.subject.kinds:  # another generator
            self.alike([t.cpu() for t in found], results(model, x), tolerance)

    def cuda_graph(self) -> None:
        """A captured CUDA graph computes the same of other maps"""
        model = self.evaluated().cuda()
        x, other = self.maps().cuda(), self.maps(seed=5).cuda()
        side = torch.cuda.Stream()
        with torch.no_grad():
            with torch.cuda.stream(side):
                for _ in range(3):
                    model(x)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                y = model(x)
            x.copy_(other)
            graph.replay()
            if "noise" not in self.subject.kinds:
                assert_near([y], [model(other)], 1e-4)


def mean(each: list[list[Tensor]]) -> list[Tensor]:
    return [torch.stack(some).mean(0) for some in zip(*each, strict=True)]
