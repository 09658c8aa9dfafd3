"""Random numbers that are the same on every device: they are drawn on the CPU."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def normal(like: Tensor, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Of mean 0 and deviation 1, where `like` is."""
    return torch.randn(shape, generator=generator).to(like)


def uniform(
    like: Tensor, shape: tuple[int, ...], generator: Generator, low: float = 0, high: float = 1
) -> Tensor:
    """From low to high, where `like` is."""
    return (low + (high - low) * torch.rand(shape, generator=generator)).to(like)
