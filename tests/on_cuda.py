"""What tests on a CUDA device share; without one they are skipped."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

only_on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
CUDA = torch.device("cuda")


@contextmanager
def first_candidate() -> Iterator[None]:
    """A scope in which kernels are compiled once each, for the tile that is thought the best."""
    from passband.kernels.gpu import launch

    every = launch.candidates
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "candidates", lambda problem: every(problem)[:1])
        patch.setattr(launch, "_fastest", {})
        yield


@contextmanager
def whole_float32() -> Iterator[None]:
    """A scope in which the library's convolutions do not round float32 to tf32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def beside(model: nn.Module) -> nn.Module:
    """A copy on the CUDA device."""
    return copy.deepcopy(model).to(CUDA)


def results(
    run: Callable[[Tensor], Tensor], x: Tensor, parameters: Sequence[Tensor]
) -> list[Tensor]:
    """Output and gradients of input and parameters, on the CPU."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = run(x)
    cotangent = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view_as(y).to(y)
    found = torch.autograd.grad((y * cotangent).sum(), [x, *parameters])
    return [t.detach().cpu() for t in (y, *found)]


def of_model(model: nn.Module, x: Tensor) -> list[Tensor]:
    return results(model, x, list(model.parameters()))


def assert_alike(found: Sequence[Tensor], expected: Sequence[Tensor], tolerance: float) -> None:
    """By the norm of each, or of a hundredth of the largest where it is 0 but for rounding."""
    pairs = [(f.double(), e.double()) for f, e in zip(found, expected, strict=True)]
    largest = max(float(e.norm()) for _, e in pairs)
    for index, (one, other) in enumerate(pairs):
        off, scale = float((one - other).norm()), float(other.norm()) + 0.01 * largest
        assert off <= tolerance * scale, f"{index}, {tuple(other.shape)}: {off / scale:.1e}"
