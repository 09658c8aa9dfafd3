"""The kinds of models that are put under load, small, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

import passband as pb
from passband.nn import SpecBlock2d, ToSpace, ToSpectrum

BAND = pb.Band(keep=0.5)
OTHER = pb.Band(keep=0.2)
Around = Callable[[], AbstractContextManager[object]]


def plain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, stride=2, padding=1),
        nn.SiLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 4, 3, padding=1, padding_mode="circular"),
    )


def converted(memory: pb.MemoryPolicy | None = None, band: pb.Band | None = BAND) -> nn.Module:
    model = plain()
    pb.convert_(model, band, memory=memory)
    return model


def frozen() -> nn.Module:
    model = converted()
    pb.freeze_(model)
    return model


def spectral() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        ToSpectrum(2),
        SpecBlock2d(3, 6, 3, beta=0.3, norm=True),
        SpecBlock2d(6, 4, 3, beta=0.3),
        ToSpace(),
    )


MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "converted": converted,
    "exact": lambda: converted(pb.MemoryPolicy.exact()),
    "bf16": lambda: converted(pb.MemoryPolicy.bf16()),
    "unchanged forward": lambda: converted(pb.MemoryPolicy.unchanged_forward(), None),
    "frozen": frozen,
    "spectral": spectral,
    "scope": plain,
}


def around(name: str) -> AbstractContextManager[object]:
    """In what a model of that name runs."""
    return pb.bandlimited(BAND) if name == "scope" else nullcontext()


def maps(seed: int = 0, size: tuple[int, int] = (12, 10), batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(seed))


def step(name: str, model: nn.Module, x: Tensor) -> None:
    """Forward and backward: gradients are where PyTorch puts them."""
    with around(name):
        out = model(x)
    (out * torch.linspace(-1, 1, out.numel()).view_as(out)).square().sum().backward()


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
