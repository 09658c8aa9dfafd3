"""What is timed: a layer's forward and backward, a training step, a forward pass."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_RATE = 1e-4  # small: weights must not run away while they are timed


@dataclass(frozen=True)
class Step:
    """One thing to do again and again.

    Attributes:
        run: Does it.
        forward: Does the part after which autograd holds most, and returns what keeps the graph;
            None if nothing is held.
    """

    run: Callable[[], object]
    forward: Callable[[], Tensor] | None


def precision(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """The scope in which a model computes in that dtype: autocast, or none for float32."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def layer_step(module: nn.Module, x: Tensor, dtype: torch.dtype) -> Step:
    """Forward and backward of a layer: gradients of input and parameters.

    The output's gradient is random and laid out as the output, as the next layer's would be.
    """
    leaf = x.detach().requires_grad_()
    wanted = [leaf, *module.parameters()]

    def forward() -> Tensor:
        with precision(dtype, x.device):
            y: Tensor = module(leaf)
        return y

    gradient = torch.randn_like(forward())
    return Step(lambda: torch.autograd.grad(forward(), wanted, gradient), forward)


def training_step(module: nn.Module, x: Tensor, dtype: torch.dtype) -> Step:
    """A network's forward, loss, backward and update by SGD with momentum.

    Where it returns logits for each pixel, `(N, classes, *space)`, all of a sample have one label.
    """
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), lr=_RATE, momentum=0.9)
    labels = torch.arange(len(x), device=x.device) % 10

    def loss() -> Tensor:
        with precision(dtype, x.device):
            logits: Tensor = module(x)
            space = logits.shape[2:]
            each = labels.view(-1, *(1 for _ in space)).expand(-1, *space)
            return nn.functional.cross_entropy(logits, each)

    def step() -> None:
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()

    return Step(step, loss)


def inference(module: nn.Module, x: Tensor, dtype: torch.dtype) -> Step:
    """A network's forward pass in eval mode, without autograd."""
    module.eval()

    def forward() -> Tensor:
        with torch.inference_mode(), precision(dtype, x.device):
            y: Tensor = module(x)
        return y

    return Step(forward, None)


STEPS = {"conv": layer_step, "step": training_step, "inference": inference}
