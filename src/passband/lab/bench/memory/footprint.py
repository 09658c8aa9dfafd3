"""Bytes of a training step: what is held for backward, what that promises, and the peak."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from passband.lab.bench.steps import Step, training_step
from passband.memory.peak import held_bytes, peak_bytes


@dataclass(frozen=True)
class Footprint:
    """Bytes of a step by SGD with momentum.

    Attributes:
        saved: What the graph of a forward pass keeps allocated, whoever keeps it. That is what
            ``passband.memory.saved`` counts, less running statistics, which are there anyway, and
            with what it does not see: outputs that selective checkpointing keeps beside autograd,
            and the state of the random numbers that each region of checkpointing keeps.
        peak: The most at a time, with what is there all the time: weights, momentum and batch.
        promised: Weights, a gradient and a momentum for each, and what is held for backward. The
            peak can be less, for gradients come while maps go, and is more by what is needed for a
            moment only.
    """

    saved: int
    peak: int
    promised: int


def footprint(module: nn.Module, x: Tensor, dtype: torch.dtype, step: Step) -> Footprint:
    """Counts a training step.

    Args:
        module: As the technique runs it.
        x: The batch.
        dtype: float32, or bfloat16 for autocast.
        step: Of that module on that batch in that dtype, done before, so that momentum is there.
    """

    def graph() -> object:
        fresh = training_step(module, x.clone(), dtype)  # a batch that counts only if it is held
        assert fresh.forward is not None
        return fresh.forward().grad_fn

    weights = weight_bytes(module)
    saved = held_bytes(graph, x.device)
    peak = 2 * weights + x.nbytes + peak_bytes(step.run, x.device)
    return Footprint(saved, peak, 3 * weights + saved)


def weight_bytes(module: nn.Module) -> int:
    """Bytes of the parameters; their gradients and their momentum each have as many."""
    return sum(parameter.nbytes for parameter in module.parameters())
