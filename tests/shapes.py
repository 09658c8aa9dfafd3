"""What size the maps inside of a network have."""

from typing import Any

import torch
from torch import Tensor, nn


def outputs(model: nn.Module, *shape: int) -> dict[str, tuple[int, ...]]:
    """The shape, batch left out, that each named module returns for a map of zeros."""
    seen: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():

        def note(module: nn.Module, args: Any, output: Tensor, name: str = name) -> None:
            seen[name] = tuple(output.shape[1:])

        module.register_forward_hook(note)
    with torch.no_grad():
        model.eval()(torch.zeros(1, *shape))
    return seen
