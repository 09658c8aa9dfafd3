"""A training step of a few samples, and the memory it was seen to take."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from passband.memory.peak import changes
from passband.memory.saved import saved

Loss = Callable[[Any], Tensor]
"""The number that is made small, of what the model returns."""

MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
"""An optimizer of these parameters: its class, or a `functools.partial` of that."""


@dataclass(frozen=True)
class Trial:
    """What a training step took, in bytes.

    Attributes:
        batch_size: how many samples it had.
        given: the batch.
        parameters: of the model.
        buffers: of the model.
        gradients: of the parameters that are trained.
        optimizer: what it remembers from step to step.
        saved: what autograd held after the forward pass.
        changes: each allocation of the step, and negative each release, in order.
    """

    batch_size: int
    given: int
    parameters: int
    buffers: int
    gradients: int
    optimizer: int
    saved: int
    changes: tuple[int, ...]

    @property
    def lasting(self) -> int:
        """What is there before the step and after it, the batch aside."""
        return self.parameters + self.buffers + self.optimizer


class Training:
    """A copy of a model, to be trained for a few steps.

    Args:
        name: of the public function that errors speak of.
        model: stays as it is.
        optimizer: makes the optimizer.
        loss: of what the model returns.

    Raises:
        TypeError: the model is no module.
        ValueError: it has no parameter that is trained.
    """

    def __init__(self, name: str, model: nn.Module, optimizer: MakeOptimizer, loss: Loss) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(
                f"{name}: the model is a Module; got {type(model).__name__} {model!r:.80}"
            )
        self._name, self._loss = name, loss
        self._model = copy.deepcopy(model)
        self._trained = [p for p in self._model.parameters() if p.requires_grad]
        if not self._trained:
            raise ValueError(f"{name}: no parameter of this {type(model).__name__} is trained")
        self._optimizer = optimizer(self._trained)

    def trial(self, inputs: Sequence[Tensor]) -> Trial:
        """A step of this batch; the first one goes before, to plan and to fill caches."""
        device = inputs[0].device
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.enable_grad():
            self._step(inputs)
            held = saved(lambda: self._objective(inputs)).total
            seen = changes(lambda: self._step(inputs), device)
        return Trial(
            batch_size=len(inputs[0]),
            given=_bytes(inputs),
            parameters=_bytes(self._model.parameters()),
            buffers=_bytes(self._model.buffers()),
            gradients=_bytes(self._trained),
            optimizer=_bytes(self._optimizer.state.values()),
            saved=held,
            changes=tuple(seen),
        )

    def _step(self, inputs: Sequence[Tensor]) -> None:
        loss = self._objective(inputs)
        with torch.autocast(loss.device.type, enabled=False):  # as outside of the scope
            loss.backward()
            self._optimizer.step()
        self._optimizer.zero_grad()

    def _objective(self, inputs: Sequence[Tensor]) -> Tensor:
        loss = self._loss(self._model(*inputs))
        torch.clear_autocast_cache()  # as the end of autocast's scope does
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
            raise ValueError(
                f"{self._name}: the loss is one number that depends on trained parameters; got "
                f"{loss!r:.80}"
            )
        return loss


def mean_square(output: Any) -> Tensor:
    """The mean square of each floating point tensor that a model returns, summed.

    It holds as much as cross-entropy does: as many numbers as the model returns.

    Examples:
        >>> mean_square({"a": torch.tensor([1.0, 2.0]), "b": (torch.tensor([3.0]), None)})
        tensor(11.5000)
    """
    found = [t for t in tree_leaves(output) if isinstance(t, Tensor) and t.is_floating_point()]
    return sum(t.square().mean() for t in found)  # type: ignore[return-value]


def _bytes(tree: Any) -> int:
    leaves = tree_leaves(list(tree))
    return sum(t.nbytes for t in leaves if isinstance(t, Tensor))
