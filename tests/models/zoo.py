"""Networks of others by name, and what they are asked for."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from architecture import Architecture
from diffusers_models import DIFFUSERS
from monai_models import MONAI
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torchvision_models import SEGMENTATION, TIMM, TORCHVISION
from transformers_models import TRANSFORMERS

PACKAGES = {
    "monai": MONAI,
    "transformers": TRANSFORMERS,
    "diffusers": DIFFUSERS,
    "torchvision": TORCHVISION,
    "timm": TIMM,
    "segmentation_models_pytorch": SEGMENTATION,
}
ZOO: Mapping[str, Architecture] = {
    f"{package}: {name}": architecture
    for package, architectures in PACKAGES.items()
    for name, architecture in architectures.items()
}


def outputs(found: object) -> list[Tensor]:
    """The tensors that a network returned, in whatever they are wrapped."""
    if isinstance(found, Tensor):
        return [found]
    entries = list(found.values()) if isinstance(found, Mapping) else found
    if not isinstance(entries, list | tuple):
        return []
    return [tensor for entry in entries for tensor in outputs(entry)]


def objective(network: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    """A loss that each element of each output has its own share in."""
    torch.manual_seed(1)  # of dropout and of samplers
    parts = [
        (y + torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).square().mean()
        for y in outputs(network(*inputs))
        if y.is_floating_point() and y.requires_grad
    ]
    return torch.stack(parts).sum()


def gradients(network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss, and the gradient of each parameter that has one."""
    network.zero_grad()
    loss = objective(network, inputs)
    loss.backward()
    named = network.named_parameters()
    return loss.detach(), {name: p.grad for name, p in named if p.grad is not None}


def convolutions(network: nn.Module) -> dict[str, _ConvNd]:
    """Each once, by its first name."""
    return {name: m for name, m in network.named_modules() if isinstance(m, _ConvNd)}
