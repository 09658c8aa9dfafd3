"""A network without and with a memory policy, and what both are asked for."""

from __future__ import annotations

import copy
from typing import Any

import torch
from networks import NETWORKS, OTHERS
from torch import Tensor, nn

import passband as pb

EXACT = pb.MemoryPolicy.exact()


def data(dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(4, 3, 16, 16, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def network(name: str, keep: float | None = 0.5, dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    model = (NETWORKS | OTHERS)[name]().to(dtype)
    if keep is not None:
        pb.convert_(model, pb.Band(keep=keep))
    return model


def twins(
    name: str, policy: pb.MemoryPolicy = EXACT, **options: Any
) -> tuple[nn.Module, nn.Module]:
    """A model without and one with a policy."""
    plain = network(name, **options)
    small = copy.deepcopy(plain)
    pb.convert_(small, None, memory=policy)
    return plain, small


def objective(model: nn.Module, x: Tensor) -> Tensor:
    torch.manual_seed(1)
    y: Tensor = model(x)
    return (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).square().sum()


def gradients(model: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    return list(torch.autograd.grad(objective(model, x), [x, *model.parameters()]))


def gathered(model: nn.Module) -> list[Tensor]:
    return [p.grad for p in model.parameters() if p.grad is not None]


def part(model: nn.Module, index: int) -> nn.Module:
    assert isinstance(model, nn.Sequential)
    return model[index]


def assert_close(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-9) -> None:
    found, expected = [t.double() for t in found], [t.double() for t in expected]
    for a, b in zip(found, expected, strict=True):
        assert (a - b).norm() <= tolerance * (b.norm() + 1e-3 * max(t.norm() for t in expected))
