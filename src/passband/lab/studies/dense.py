"""Memory-efficient DenseNet (Pleiss et al. 2017): the cheap half of each dense layer again."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from passband.lab.models.densenet import DenseLayer
from passband.lab.models.densenet_table1 import PlainDenseLayer

_FIRST = 3  # the 1x1 convolution of a layer, with its norm and activation


def has_dense_blocks(model: nn.Module) -> bool:
    """Whether there is something to do for ``memory_efficient``."""
    return any(_is_dense(module) for module in model.modules())


def memory_efficient(model: nn.Module) -> nn.Module:
    """A model whose dense layers compute concatenation, norm, activation and 1x1 again in backward.

    A layer then holds what it adds, and what its 3x3 convolution needs, but no concatenation of
    what is before it. Results and gradients stay; running statistics move twice in a step.

    Args:
        model: With its parameters, which the result shares; do not use it any more.
    """
    if _is_dense(model):
        return _Block([nn.ModuleList(layer.children()) for layer in model.children()])
    for name, child in model.named_children():
        setattr(model, name, memory_efficient(child))
    return model


def _is_dense(module: nn.Module) -> bool:
    layers = list(module.children()) if isinstance(module, nn.Sequential) else []
    return bool(layers) and all(isinstance(one, DenseLayer | PlainDenseLayer) for one in layers)


class _Block(nn.Module):
    def __init__(self, layers: list[nn.ModuleList]) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Sequential(*layer[:_FIRST]) for layer in layers)
        self.second = nn.ModuleList(nn.Sequential(*layer[_FIRST:]) for layer in layers)

    def forward(self, x: Tensor) -> Tensor:
        """What the layers make one after another, the input first."""
        found = [x]
        for first, second in zip(self.first, self.second, strict=True):
            again = checkpoint(_joined, first, *found, use_reentrant=False)
            found.append(second(again))
        return torch.cat(found, 1)


def _joined(layers: nn.Module, *maps: Tensor) -> Tensor:
    y: Tensor = layers(torch.cat(maps, 1))
    return y
