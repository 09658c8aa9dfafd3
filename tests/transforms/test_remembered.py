"""Constants are forgotten when there are too many bytes of them, and come back the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from passband.transforms import remembered
from passband.transforms.remembered import forget, held_bytes


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    forget()
    monkeypatch.setattr(remembered, "MOST_BYTES", 10_000)
    yield
    forget()


def test_what_is_remembered_is_bounded_in_bytes() -> None:
    made: list[int] = []

    @remembered.remembered
    def ones(n: int) -> tuple[Tensor, Tensor]:
        made.append(n)
        return torch.ones(n), torch.ones(n, dtype=torch.float64)

    for n in (100, 200, 100, 200):
        assert [t.sum() for t in ones(n)] == [n, n]
    assert made == [100, 200]
    assert held_bytes() == 2 * 3 * 512 + 12 * 300
    ones(400)  # there is no room for it beside the others
    assert held_bytes() == 3 * 512 + 12 * 400
    ones(100)
    assert made == [100, 200, 400, 100]  # forgotten beside 400, and made again
    for n in range(500):
        ones(n)
        assert held_bytes() <= 10_000
    assert ones.cache_info().currsize < 10


def test_all_share_the_room() -> None:
    first = remembered.remembered(torch.zeros)
    second = remembered.remembered(torch.ones)
    kept = first(900)
    assert first(900) is kept
    second(900)
    assert held_bytes() == 2 * (1024 + 3600)
    second(901)  # and both are forgotten
    assert first(900) is not kept


def test_constants_made_in_inference_mode_serve_training() -> None:
    ones = remembered.remembered(torch.ones)
    with torch.inference_mode():
        kept = ones(3)
    assert not kept.is_inference()
    x = torch.ones(3, requires_grad=True)
    (x * kept).sum().backward()
    assert x.grad is not None


def test_an_error_is_not_remembered() -> None:
    tries = iter([MemoryError("no room"), None])

    @remembered.remembered
    def made() -> Tensor:
        if (error := next(tries)) is not None:
            raise error
        return torch.ones(2)

    with pytest.raises(MemoryError, match="no room"):
        made()
    assert held_bytes() == 0
    assert made().sum() == 2
