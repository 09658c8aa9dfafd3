"""Training goes on through a conversion, and at keep=1 it goes where the plain model goes."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

import passband as pb
from passband.lab.models import create_model
from passband.lab.models.residual import BasicBlock

PlanName = Literal["auto", "fft", "dft", "spatial"]
FULL = pb.Band(keep=1)


def truncated_resnet(dtype: torch.dtype = torch.float32) -> nn.Module:
    """Stem, a block without and one with a shortcut of 1x1, head."""
    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 8, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(8),
            relu=nn.ReLU(),
            layer1=BasicBlock(8, 8, 1),
            layer2=BasicBlock(8, 16, 2),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(16, 4),
        )
    ).to(dtype)


def batches(
    size: int, batch: int, steps: int, dtype: torch.dtype = torch.float32
) -> Iterator[tuple[Tensor, Tensor]]:
    """Four random patterns under noise: random, but learnable."""
    draw = torch.Generator().manual_seed(1)
    patterns = torch.randn(4, 3, size, size, generator=draw, dtype=dtype)
    for _ in range(steps):
        labels = torch.randint(4, (batch,), generator=draw)
        noise = torch.randn(batch, 3, size, size, generator=draw, dtype=dtype)
        yield patterns[labels] + 0.5 * noise, labels


def train(
    model: nn.Module, optimizer: Optimizer, data: Iterable[tuple[Tensor, Tensor]]
) -> list[float]:
    losses = []
    for images, labels in data:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    return losses


OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter]], Optimizer]] = {
    "momentum": lambda p: SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "adam": lambda p: Adam(p, lr=0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_converting_and_reverting_while_training_changes_no_bit(optimizer: str) -> None:
    data = list(batches(12, 4, 9))
    never, sometimes = truncated_resnet(), truncated_resnet()
    plain = OPTIMIZERS[optimizer](never.parameters())
    other = OPTIMIZERS[optimizer](sometimes.parameters())
    losses = train(sometimes, other, data[:3])
    pb.convert_(sometimes, FULL, example=data[0][0])
    losses += train(sometimes, other, data[3:6])
    pb.revert_(sometimes)
    losses += train(sometimes, other, data[6:])
    assert losses == train(never, plain, data)
    assert min(losses) < 0.8 * losses[0], "it learns, so there is something to compare"
    for (name, a), (again, b) in zip(
        never.state_dict().items(), sometimes.state_dict().items(), strict=True
    ):
        assert name == again
        assert torch.equal(a, b), name
    first, second = plain.state_dict(), other.state_dict()
    assert first["param_groups"] == second["param_groups"]
    for slot, state in first["state"].items():
        for key, value in state.items():
            assert torch.equal(value, second["state"][slot][key]), (slot, key)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_cut_band_moves_parameters_through_the_optimizer_that_knew_them(optimizer: str) -> None:
    data = list(batches(12, 4, 6))
    model = truncated_resnet()
    steps = OPTIMIZERS[optimizer](model.parameters())
    train(model, steps, data[:3])
    moved = copy.deepcopy(model)
    moved_steps = OPTIMIZERS[optimizer](moved.parameters())
    moved_steps.load_state_dict(copy.deepcopy(steps.state_dict()))
    pb.convert_(moved, pb.Band(keep=0.25))
    pb.convert_(model, pb.Band(keep=0.25))
    assert train(moved, moved_steps, data[3:]) == train(model, steps, data[3:])
    before = model.get_parameter("conv1.weight").clone()
    train(model, steps, data[:1])
    assert not torch.equal(model.get_parameter("conv1.weight"), before)


def curve(
    model: nn.Module, data: Iterable[tuple[Tensor, Tensor]], convert: Callable[[nn.Module], object]
) -> Tensor:
    convert(model)
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)
    return torch.tensor(train(model, optimizer, data), dtype=torch.float64)


@pytest.mark.parametrize("plan", ["fft", "dft", "spatial", "auto"])
@pytest.mark.parametrize(
    ("dtype", "steps", "tolerance"), [(torch.float64, 20, 1e-11), (torch.float32, 10, 1e-4)]
)
def test_keeping_everything_follows_the_loss_curve_to_rounding(
    plan: PlanName, dtype: torch.dtype, steps: int, tolerance: float
) -> None:
    data = list(batches(16, 8, steps, dtype))
    plain = curve(truncated_resnet(dtype), data, lambda model: None)
    band = curve(truncated_resnet(dtype), data, lambda model: pb.convert_(model, FULL, plan=plan))
    assert plain[-3:].mean() < plain[:3].mean()
    torch.testing.assert_close(band, plain, rtol=tolerance, atol=0)
    if plan in ("spatial", "auto"):
        assert torch.equal(band, plain), "this is PyTorch's own convolution"
    else:
        assert not torch.equal(band, plain), "this is not: rounding differs"


def resnet18(dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(0)
    return create_model("resnet18", num_classes=4, in_channels=3).to(dtype)


def by_turns(model: nn.Module) -> None:
    """Every other layer by fft, the rest by dft."""
    names = [row.name for row in pb.convert_(copy.deepcopy(model), FULL).converted]
    pb.convert_(model, FULL, plan="fft", where=lambda name, _: name in names[::2])
    rest = names[1::2]
    pb.convert_(model, FULL, plan="dft", where=lambda name, _: name in rest)


def test_resnet18_follows_the_loss_curve_to_rounding_for_20_steps() -> None:
    data = list(batches(16, 4, 20, torch.float64))
    plain = curve(resnet18(torch.float64), data, lambda model: None)
    band = curve(resnet18(torch.float64), data, by_turns)
    torch.testing.assert_close(band, plain, rtol=1e-9, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["fft", "dft"])
def test_resnet18_of_32x32_images_follows_the_loss_curve_for_20_steps(plan: PlanName) -> None:
    data = list(batches(32, 8, 20, torch.float64))
    plain = curve(resnet18(torch.float64), data, lambda model: None)
    band = curve(resnet18(torch.float64), data, lambda model: pb.convert_(model, FULL, plan=plan))
    assert plain[-5:].mean() < 0.8 * plain[:5].mean()
    torch.testing.assert_close(band, plain, rtol=1e-10, atol=0)
