"""Layers that learn as PyTorch's do, on data that comes with packages."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import passband as pb
from passband.lab.data import LabeledData, gather, load, size
from passband.lab.data.labeled import Samples

EPOCHS = 8


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(1, 12, 7, padding=3), nn.ReLU(), nn.Conv1d(12, 12, 5, padding=2), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(12, 2),
    )  # fmt: skip


def losses(model: nn.Module, x: Tensor, y: Tensor) -> list[float]:
    """Of full batches."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    found = []
    for _ in range(EPOCHS * 5):
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


@pytest.fixture(scope="module")
def series() -> LabeledData:
    return load("ucr:ItalyPowerDemand")


def of(samples: Samples) -> tuple[Tensor, Tensor]:
    return gather(samples, range(size(samples)))


@pytest.mark.parametrize("plan", ["auto", "dft"])
def test_keeping_everything_it_learns_as_pytorchs(series: LabeledData, plan: str) -> None:
    x, y = of(series.train)
    plain = network()
    banded = copy.deepcopy(plain)
    pb.convert_(banded, pb.Band(keep=1), plan=plan)  # type: ignore[arg-type]
    expected = torch.tensor(losses(plain, x, y))
    assert expected[-1] < 0.5 * expected[0]
    torch.testing.assert_close(torch.tensor(losses(banded, x, y)), expected, rtol=0.01, atol=0.002)


def test_a_band_learns_a_series_of_the_ucr_archive(series: LabeledData) -> None:
    (x, y), (unseen, truth) = of(series.train), of(series.test)
    model = network()
    pb.convert_(model, pb.Band(keep=0.5))
    curve = losses(model, x, y)
    assert curve[-1] < 0.5 * curve[0]
    with torch.no_grad():
        accuracy = (model(unseen).argmax(1) == truth).float().mean().item()
    assert accuracy > 0.9
