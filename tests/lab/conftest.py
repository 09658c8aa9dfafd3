from collections.abc import Iterator

import pytest
import torch
from digits_run import config

from passband.lab.training import Result, train


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Models this small gain nothing from threads, and test processes must not fight for cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A band-limited run that nothing disturbed."""
    return train(config(tmp_path_factory.mktemp("run"), keep=0.5), progress_bar=False)
