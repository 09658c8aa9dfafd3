"""A subject, and how what it computes is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from subjects import Subject, made, maps
from torch import Tensor, nn

F32, F64, BF16, F16 = torch.float32, torch.float64, torch.bfloat16, torch.float16
Run = Callable[[Tensor], Any]
LOSSY = 0.5  # of the norm: gradients by design approximate, where they may be drawn anew


class Contract:
    """The base of what is asked of every subject; a public method is a capability.

    It returns if the subject has it, and raises if not.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def model(self, dtype: torch.dtype = F32) -> nn.Module:
        return made(self.subject, dtype)

    def evaluated(self, dtype: torch.dtype = F32) -> nn.Module:
        """In evaluation mode, where PyTorch's batch norm writes no statistics."""
        return self.model(dtype).eval()

    def maps(self, batch: int = 3, dtype: torch.dtype = F32, seed: int = 0) -> Tensor:
        return maps(self.subject, batch, dtype, seed)

    def alike(
        self, found: Sequence[Tensor], expected: Sequence[Tensor], tolerance: float = 2e-5
    ) -> None:
        """Output, then gradients."""
        assert_near(found[:1], expected[:1], tolerance)
        self.gradients_alike(found[1:], expected[1:], tolerance)

    def gradients_alike(
        self, found: Sequence[Tensor], expected: Sequence[Tensor], tolerance: float = 2e-5
    ) -> None:
        """Those of a lossy subject are only near."""
        assert_near(found, expected, LOSSY if self.subject.lossy else tolerance)


def results(model: nn.Module, x: Tensor, run: Run | None = None) -> list[Tensor]:
    """Output, and gradients of input and parameters, by the same random numbers each time."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    torch.manual_seed(1)
    y = (model if run is None else run)(x)
    wanted = [x, *(p for p in model.parameters() if p.requires_grad)]
    return [y.detach(), *torch.autograd.grad(y, wanted, cotangent(y))]


def cotangent(y: Tensor) -> Tensor:
    """A gradient of the output, the same for the same shape."""
    generator = torch.Generator().manual_seed(2)
    return torch.randn(y.shape, dtype=F64, generator=generator).to(y)


def assert_near(found: Iterable[Tensor], expected: Iterable[Tensor], tolerance: float) -> None:
    """By the norm of each, or of a hundredth of the largest where it is 0 but for rounding."""
    pairs = [(a.detach().to(F64), b.detach().to(F64)) for a, b in zip(found, expected, strict=True)]
    largest = max((float(b.norm()) for _, b in pairs), default=0.0)
    for index, (a, b) in enumerate(pairs):
        assert a.shape == b.shape, f"result {index} is {tuple(a.shape)}, not {tuple(b.shape)}"
        off, scale = float((a - b).norm()), float(b.norm()) + 0.01 * largest
        told = f"result {index} is off by {off:.2g}, its norm is {scale:.2g}"
        assert off <= tolerance * scale, told
