"""Activation checkpointing of any network of the laboratory, block by block."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts, noop_context_fn

Regions = Literal["whole", "selective"]
_Contexts = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]

# What a selective region keeps: it is dear to compute again, and everything else follows from it.
_CONVOLUTION = torch.ops.aten.convolution.default
_CONTEXTS: dict[Regions, _Contexts] = {
    "whole": noop_context_fn,
    "selective": partial(create_selective_checkpoint_contexts, [_CONVOLUTION]),
}


def checkpointed(model: nn.Module, regions: Regions) -> nn.Module:
    """A model of which each block is computed again in backward, from its input.

    A block is a child of a stage (an ``nn.Sequential``, stages inside of it opened) with a
    convolution, and the layers without one that follow it: a residual block, or a convolution with
    its norm, activation and pooling. What comes before the first and, from ``nn.Flatten`` on, after
    the last stays as it is. Results and gradients stay too, but running statistics of norms move
    twice in a step.

    Args:
        model: With its parameters, which the result shares; do not use it any more.
        regions: ``whole`` blocks are computed again, or ``selective``: without the convolutions,
            whose outputs are held.
    """
    if not isinstance(model, nn.Sequential):
        for name, child in model.named_children():
            setattr(model, name, checkpointed(child, regions))
        return model
    runs = (nn.Sequential(*run) for run in _runs(_opened(model)))
    return nn.Sequential(*(_Region(run, regions) if _convolves(run) else run for run in runs))


class _Region(nn.Module):
    """Computes a module again in backward.

    Args:
        block: The module.
        regions: As in ``checkpointed``.
    """

    def __init__(self, block: nn.Module, regions: Regions) -> None:
        super().__init__()
        self.block = block
        self.contexts = _CONTEXTS[regions]

    def forward(self, x: Tensor) -> Tensor:
        """What the module returns."""
        y: Tensor = checkpoint(self.block, x, use_reentrant=False, context_fn=self.contexts)
        return y


def _opened(stage: nn.Sequential) -> Iterator[nn.Module]:
    """The children, with those of stages in their place."""
    for child in stage:
        if isinstance(child, nn.Sequential):
            yield from _opened(child)
        else:
            yield child


def _runs(layers: Iterable[nn.Module]) -> list[list[nn.Module]]:
    """Layers in groups that begin with a convolution or, the last, with ``nn.Flatten``."""
    runs: list[list[nn.Module]] = [[]]
    for layer in layers:
        if _convolves(layer) or isinstance(layer, nn.Flatten):
            runs.append([])
        runs[-1].append(layer)
    return [run for run in runs if run]


def _convolves(module: nn.Module) -> bool:
    return any(isinstance(one, _ConvNd) for one in module.modules())
