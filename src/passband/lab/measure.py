"""What a training step costs: bytes held for backward, and seconds against another model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

import passband as pb
from passband.lab.config import TrainConfig
from passband.lab.fabric import make_fabric
from passband.lab.optimization import make_optimizer
from passband.lab.quiet import quiet

if TYPE_CHECKING:
    from lightning.fabric import Fabric

WARM_UP = 3  # first steps plan, allocate and fill caches


@dataclass(frozen=True)
class Cost:
    """The cost of a training step.

    Attributes:
        saved_bytes: What autograd holds for backward after forward and loss.
        seconds: Duration of each timed step (forward, loss, backward, update).
    """

    saved_bytes: int
    seconds: tuple[float, ...]


def costs(
    models: Mapping[str, nn.Module], batch: tuple[Tensor, Tensor], run: TrainConfig, repeats: int
) -> dict[str, Cost]:
    """Measures models side by side in this process.

    The timed steps are interleaved (a1 b1 c1 a2 b2 c2 …): what else the machine does in the
    meantime then meets all models alike, and the ratio of two models' n-th steps means something.

    Args:
        models: The models by name; they are trained by the measurement.
        batch: Maps ``(N, C, *space)`` and labels ``(N,)``.
        run: Optimiser, device and precision.
        repeats: Timed steps of each model.
    """
    with quiet():
        fabric = one_process(run)
        inputs, labels = fabric.to_device(batch)
        steps = {name: Step(fabric, model, run, inputs, labels) for name, model in models.items()}
        saved = {name: pb.memory.saved(step.loss).total for name, step in steps.items()}
        for _ in range(WARM_UP):
            for step in steps.values() if repeats else ():
                step()
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(repeats):
            for name, step in steps.items():
                finish(fabric.device)
                start = time.perf_counter()
                step()
                finish(fabric.device)
                seconds[name].append(time.perf_counter() - start)
    return {name: Cost(saved[name], tuple(seconds[name])) for name in steps}


def one_process(run: TrainConfig) -> Fabric:
    """Lightning's device and precision of a run, in this process alone."""
    return make_fabric(replace(run, devices=1, num_nodes=1, strategy="auto"))


class Step:
    """One model's training step on one fixed batch.

    Args:
        fabric: Device and precision.
        model: It is moved to the device, and trained.
        run: The optimiser.
        inputs: Maps ``(N, C, *space)``, on the device.
        labels: ``(N,)``, likewise.
    """

    def __init__(
        self, fabric: Fabric, model: nn.Module, run: TrainConfig, inputs: Tensor, labels: Tensor
    ) -> None:
        self.fabric = fabric
        self.model, self.optimizer = fabric.setup(model, make_optimizer(model.parameters(), run))
        self.model.train()
        self.inputs, self.labels = inputs, labels

    def loss(self) -> Tensor:
        """Forward and loss."""
        return nn.functional.cross_entropy(self.model(self.inputs), self.labels)

    def __call__(self) -> None:
        """Forward, loss, backward and update."""
        self.optimizer.zero_grad()
        self.fabric.backward(self.loss())
        self.optimizer.step()


def finish(device: torch.device) -> None:
    """Waits for a device that works asynchronously."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
