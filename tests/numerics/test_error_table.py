"""Errors lie below the table's, and the table is not more than thirty times too lax."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import oracle
import passband as pb
from oracle import Cut
from passband.functional.plan import PlanName
from tolerance import EPSILONS, tolerance

WAYS: list[PlanName] = ["fft", "dft", "spatial", "fused"]
MAPS = {1: (512,), 2: (32, 31), 3: (8, 7, 9)}
LAX = 30


def error(dtype: torch.dtype, way: str, dims: int) -> float:
    """The largest error of a layer, relative to its largest number, from the dense oracle."""
    plain = way == "nn.Conv"
    kind = getattr(nn if plain else pb.nn, f"{'' if plain else 'Band'}Conv{dims}d")
    options = {} if plain else {"keep": 0.5, "plan": way}
    made = kind(4, 4, 3, padding=1, bias=False, dtype=dtype, **options)
    x = torch.randn(2, 4, *MAPS[dims], dtype=dtype)
    with torch.no_grad():
        found = made(x).double().numpy()
    cut = Cut(keep=1.0 if plain else 0.5)
    given, taps = (t.detach().double().numpy() for t in (x, made.weight))
    wanted = oracle.conv(given, taps, cut=cut, padding=1).y
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize(("dtype", "way"), list(EPSILONS), ids=str)
def test_the_table_holds_and_is_tight(dtype: torch.dtype, way: str) -> None:
    found = [error(dtype, way, dims) for dims in MAPS]
    assert max(found) <= tolerance(dtype, way)
    assert max(found) >= tolerance(dtype, way) / LAX


def twins(way: PlanName) -> tuple[nn.Module, nn.Module]:
    """A layer in float32, and its like in float64 by another way."""
    ours = pb.nn.BandConv1d(4, 4, 3, padding=1, bias=False, keep=0.5, plan=way)
    other: PlanName = "spatial" if way == "fft" else "fft"
    exact = pb.nn.BandConv1d(4, 4, 3, padding=1, bias=False, keep=0.5, plan=other).double()
    exact.load_state_dict(ours.state_dict())
    return ours, exact


@torch.no_grad()
@pytest.mark.parametrize("way", WAYS)
def test_errors_do_not_grow_with_size(way: PlanName) -> None:
    ours, exact = twins(way)
    x = torch.randn(2, 4, 2048 if way in ("dft", "fused") else 2**15)
    y, z = ours(x), exact(x.double())
    assert (y - z).abs().max() / z.abs().max() <= tolerance(torch.float32, way)


@torch.no_grad()
@pytest.mark.parametrize("way", WAYS)
def test_errors_grow_no_faster_than_depth(way: PlanName) -> None:
    ours, exact = twins(way)
    y = torch.randn(2, 4, 64)
    z, depth = y.double(), 40
    for _ in range(depth):
        y, z = ours(y), exact(z)
        y, z = y / y.square().mean().sqrt(), z / z.square().mean().sqrt()
    assert (y - z).abs().max() / z.abs().max() <= depth * tolerance(torch.float32, way)
