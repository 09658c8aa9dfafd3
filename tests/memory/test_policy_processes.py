"""With a memory policy, a model may be trained by several processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from processes import NAMES, PROCESSES, WRAPS, work
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from twins import assert_close, data, gradients, network

Found = dict[tuple[str, str], list[Tensor]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("processes")
    spawn(work, (str(folder),), PROCESSES)
    written: Found = torch.load(Path(folder) / "found")
    return written


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_mean_of_those_without_it(found: Found, name: str, wrap: str) -> None:
    """Of each process's data, by one process without a policy; the second of two passes."""
    each = [gradients(network(name), data(seed=PROCESSES + rank))[1:] for rank in range(PROCESSES)]
    expected = [torch.stack(pair).mean(0) for pair in zip(*each, strict=True)]
    assert len(found[name, wrap]) == len(expected)
    assert_close(found[name, wrap], expected)
