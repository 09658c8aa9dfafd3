"""The largest batch: what the search finds fits, and one more does not."""

import gc
import weakref
from collections.abc import Callable

import pytest
import torch

from passband.lab.bench.machine import describe
from passband.lab.bench.memory import limit
from passband.lab.bench.memory.config import MemoryConfig
from passband.lab.bench.memory.limit import attempt, find, largest
from passband.lab.bench.memory.technique import PLAIN, Technique, techniques

BENCH = MemoryConfig(out="out", model="lenet5", batch=4, find_limit=True, limit=2**-9)  # 2 MiB
NAMES = {one.name: one for one in techniques((0.5,))}
MACHINE = describe(torch.device("cpu"))


@pytest.mark.parametrize("start", [1, 5, 8])
@pytest.mark.parametrize("most", [0, 1, 4, 5, 7, 8, 9, 63, 64, 100])
def test_the_search_finds_the_largest(most: int, start: int) -> None:
    asked: list[int] = []

    def fits(number: int) -> bool:
        asked.append(number)
        return number <= most

    assert largest(fits, start) == most
    assert len(set(asked)) == len(asked) <= 2 + 2 * max(most, start).bit_length()


@pytest.mark.parametrize("name", ["plain", "checkpoint", "exact"])
def test_what_is_found_fits_and_one_more_does_not(name: str) -> None:
    found = find(BENCH, NAMES[name], MACHINE)
    peak, over = (attempt(BENCH, NAMES[name], found.batch + more) for more in (0, 1))
    assert peak is not None
    assert over is not None
    assert peak == found.peak_bytes
    assert found.limit_bytes == 2**21
    assert peak <= 2**21 < over


def test_where_nothing_fits_nothing_is_found() -> None:
    tiny = MemoryConfig(out="out", model="lenet5", batch=2, find_limit=True, limit=2**-20)
    found = find(tiny, PLAIN, MACHINE)
    assert (found.batch, found.peak_bytes) == (0, None)


def running_out(above: int, left: list[weakref.ref[torch.Tensor]]) -> Callable[..., int]:
    """A step that has no memory left beyond a batch, when it holds tensors already."""

    def peak(bench: MemoryConfig, technique: Technique, batch: int) -> int:
        held = torch.zeros(8)
        held.cycle = [held]  # type: ignore[attr-defined]
        left.append(weakref.ref(held))
        if batch > above:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 100 * batch

    return peak


def test_running_out_of_memory_ends_the_search_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[weakref.ref[torch.Tensor]] = []
    monkeypatch.setattr(limit, "_peak", running_out(37, left))
    gc.disable()
    try:
        found = find(BENCH, PLAIN, MACHINE)
        assert attempt(BENCH, PLAIN, 38) is None
        assert not any(one() is not None for one in left)
    finally:
        gc.enable()
    assert (found.batch, found.peak_bytes) == (37, 3700)
