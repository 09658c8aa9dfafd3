"""Networks of spectra may be trained by several processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from spectral_processes import PROCESSES, WRAPS, data, gradients, network, work
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from spectra import close

Found = dict[tuple[str, bool], list[Tensor]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("spectral_processes")
    spawn(work, (str(folder),), PROCESSES)
    written: Found = torch.load(Path(folder) / "found")
    return written


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("wrap", WRAPS)
def test_gradients_are_the_mean_of_those_of_one_process(
    found: Found, wrap: str, norm: bool
) -> None:
    """Of each process's data; the second of two passes. A norm is in evaluation."""
    each = [gradients(network(norm), data(PROCESSES + rank)) for rank in range(PROCESSES)]
    expected = [torch.stack(pair).mean(0) for pair in zip(*each, strict=True)]
    assert len(found[wrap, norm]) == len(expected)
    for one, other in zip(found[wrap, norm], expected, strict=True):
        close(one, other, 1e-12)
