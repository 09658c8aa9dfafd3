"""Two processes train a spectral network as one does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from spec_processes import NAMES, PROCESSES, batch, gradients, network, work
from torch import Tensor
from torch.multiprocessing.spawn import spawn

Found = dict[str, list[Tensor]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("processes")
    spawn(work, (str(folder),), PROCESSES)
    written: Found = torch.load(Path(folder) / "found")
    return written


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("_bn")])
def test_gradients_are_those_of_the_whole_batch(found: Found, name: str) -> None:
    expected = gradients(network(name), *batch())
    for mine, its in zip(found[name], expected, strict=True):
        torch.testing.assert_close(mine, its)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("_bn")])
def test_with_norm_they_are_the_mean_of_each_half(found: Found, name: str) -> None:
    """Each process has the statistics of its own samples, as `nn.BatchNorm2d` has."""
    halves = zip(*(part.chunk(PROCESSES) for part in batch()), strict=True)
    each = [gradients(network(name), x, labels) for x, labels in halves]
    for mine, pair in zip(found[name], zip(*each, strict=True), strict=True):
        torch.testing.assert_close(mine, torch.stack(pair).mean(0))
