"""What is held in fewer bits, against what was there."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

import passband as pb
from passband.memory import saved
from passband.memory.store import GROUP, dequantised, quantised


def numbers(count: int) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(count))


@pytest.mark.parametrize("count", [1, GROUP, GROUP + 1, 1000])
def test_each_number_becomes_a_neighbour_on_its_groups_grid(count: int) -> None:
    x = numbers(count)
    codes, least, step = quantised(x, random.Random(0))
    groups = -(-count // GROUP)
    assert codes.nbytes == groups * GROUP // 4
    assert least.nbytes == step.nbytes == groups * 2
    found = dequantised(codes, least, step, count)
    steps = step.float().repeat_interleave(GROUP)[:count]
    # The ends of a grid are rounded to bfloat16, by a 256th.
    assert ((found - x).abs() <= steps * 1.01 + x.abs().max() / 128).all()


def test_on_average_nothing_is_lost() -> None:
    x, chance, draws = numbers(2 * GROUP), random.Random(1), 4000
    mean = torch.stack([dequantised(*quantised(x, chance), len(x)) for _ in range(draws)]).mean(0)
    step = quantised(x, chance)[2].float().repeat_interleave(GROUP)
    inside = (mean - x).abs() / step  # a draw errs by half a step at most, on average by less
    assert inside.max() < 5 * 0.5 / draws**0.5 + 2**-7 * 3


def test_bytes_of_a_block_by_formula() -> None:
    """Of conv, norm and ReLU on one map: 2.75 bits for the norm's input and the image's, 1 more."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    pb.convert_(model, None, memory=pb.MemoryPolicy.unchanged_forward())
    x = torch.randn(2, 4, 16, 16)
    held = saved(lambda: model(x)).by_kind

    def stored(elements: int) -> int:
        return elements // 4 + elements // GROUP * 4 + elements // 64 * 2

    assert held["conv input"] == stored(2 * 4 * 256)
    assert held["norm"] == stored(2 * 8 * 256) + 2 * 8 * 4
    assert held["activation"] == 2 * 8 * 256 // 8


def test_the_forward_pass_is_unchanged_and_gradients_are_near() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
    )  # fmt: skip
    x = torch.randn(8, 3, 16, 16)

    def gradient() -> tuple[torch.Tensor, torch.Tensor]:
        y = model(x)
        loss = (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum()
        found = torch.autograd.grad(loss, list(model.parameters()))
        return loss, torch.cat([g.flatten() for g in found]).double()

    exact_loss, exact = gradient()
    pb.convert_(model, None, memory=pb.MemoryPolicy.unchanged_forward())
    draws = [gradient() for _ in range(32)]
    assert all(torch.equal(loss, exact_loss) for loss, _ in draws)
    errors = [(g - exact).norm() / exact.norm() for _, g in draws]
    mean = torch.stack([g for _, g in draws]).mean(0)
    assert max(errors) < 1  # rough, of one step and white noise; but without a bias of that size
    assert (mean - exact).norm() / exact.norm() < 0.5 * sum(errors) / len(errors)
