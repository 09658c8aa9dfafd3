"""Thousands of calls of which no two are alike: nothing is left of them but what is bounded."""

from __future__ import annotations

import ctypes
import gc
import os
import random
from collections.abc import Callable, Iterator
from functools import _lru_cache_wrapper
from pathlib import Path

import pytest
import torch
from loaded_models import MODELS, around, maps, step
from torch import Tensor, nn

import passband as pb
from passband.functional import band_conv1d, band_conv2d, band_conv_transpose2d
from passband.functional.plan import PlanName
from passband.kernels import missing
from passband.transforms import remembered

MIB = 2**20


def caches() -> dict[str, _lru_cache_wrapper[object]]:
    """All of the library's, by name."""
    found = [each for each in gc.get_objects() if type(each) is _lru_cache_wrapper]
    ours = [each for each in found if (each.__module__ or "").startswith("passband.")]
    return {f"{each.__module__}.{each.__qualname__}": each for each in ours}


def tensors() -> int:
    """Bytes of all that are alive."""
    alive = [t for t in gc.get_objects() if type(t) in (Tensor, nn.Parameter)]
    sizes = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in alive}
    return sum(sizes.values())


def resident() -> int:
    """Bytes of the process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measured() -> tuple[int, int, int]:
    """Objects, bytes of tensors and resident bytes, when caches have let go of all."""
    for each in caches().values():
        each.cache_clear()
    remembered.forget()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return len(gc.get_objects()), tensors(), resident()


def ways() -> list[PlanName]:
    found: list[PlanName] = ["auto", "fft", "dft", "spatial"]
    return [*found, "fused"] if missing("cpu") is None else found


def a_band(chance: random.Random) -> pb.Band:
    return pb.Band(
        keep=chance.choice([chance.uniform(0.05, 1), 1.0]),
        fft_size=chance.choice(["minimal", "fast", "reference"]),
    )


def series(chance: random.Random) -> None:
    channels, size = chance.randint(1, 5), chance.randint(5, 400)
    x = torch.randn(chance.randint(1, 3), channels, size, requires_grad=True)
    w = torch.randn(4, channels, chance.randint(1, 5), requires_grad=True)
    y = band_conv1d(
        x, w, stride=chance.randint(1, 2), band=a_band(chance), plan=chance.choice(ways())
    )
    torch.autograd.grad(y.sum(), (x, w))


def images(chance: random.Random) -> None:
    channels, size = chance.randint(1, 5), (chance.randint(5, 40), chance.randint(5, 40))
    x = torch.randn(chance.randint(1, 3), channels, *size, requires_grad=True)
    taps = chance.randint(1, 4), chance.randint(1, 4)
    options = {"band": a_band(chance), "plan": chance.choice(ways())}
    if chance.random() < 0.3:
        w = torch.randn(channels, 3, *taps, requires_grad=True)
        y = band_conv_transpose2d(x, w, stride=2, **options)  # type: ignore[arg-type]
    else:
        w = torch.randn(4, channels, *taps, requires_grad=True)
        y = band_conv2d(x, w, padding=chance.randint(0, 2), **options)  # type: ignore[arg-type]
    torch.autograd.grad(y.sum(), (x, w))


def transforms(chance: random.Random) -> None:
    x = torch.randn(1, 2, chance.randint(2, 300), chance.randint(2, 12), requires_grad=True)
    y = pb.transforms.idct(pb.transforms.dct(x)) + pb.nn.FrequencyMask(chance.uniform(0.1, 1))(x)
    torch.autograd.grad(y.sum(), x)


def of_model(name: str) -> Callable[[random.Random], None]:
    model = MODELS[name]()

    def run(chance: random.Random) -> None:
        size = chance.randint(8, 28), chance.randint(8, 28)
        x = maps(chance.randint(0, 9), size, chance.randint(1, 3))
        if name in ("converted", "exact", "frozen") and chance.random() < 0.3:
            pb.set_band_(model, a_band(chance))
        if name == "frozen":
            with torch.inference_mode(), around(name):
                model(x)
            return
        model.zero_grad()
        step(name, model, x)

    return run


def calls(count: int) -> Iterator[Callable[[], None]]:
    """Calls of all kinds in turn."""
    chance = random.Random(0)
    kinds = [series, images, transforms, *map(of_model, MODELS)]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield lambda kind=kind: kind(chance)  # type: ignore[misc]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells what is resident")
@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_nothing_grows_but_what_is_bounded(count: int) -> None:
    before: tuple[int, int, int] | None = None
    for number, call in enumerate(calls(count)):
        if number == count // 5:
            before = measured()
        call()
    del call
    assert before is not None
    check_caches()
    held, full = remembered.held_bytes() / MIB, resident()
    after = measured()
    objects, bytes_, pages = (new - old for new, old in zip(after, before, strict=True))
    print(
        f"{count} calls: {objects} objects more, tensors {bytes_ / MIB:.2f} MiB more, resident "
        f"{pages / MIB:.1f} MiB more of {after[2] / MIB:.0f}; caches held "
        f"{(full - after[2]) / MIB:.0f} MiB, {held:.0f} of them constants"
    )
    assert objects < 2000  # a frozen layer remembers up to 64 shapes
    assert bytes_ < MIB
    assert pages < 64 * MIB  # allocators keep the room of the largest step


def check_caches() -> None:
    """Each cache has an end, in entries or in bytes."""
    assert remembered.held_bytes() <= remembered.MOST_BYTES + MIB
    counted = {id(each) for each in remembered._caches}
    for name, each in caches().items():
        most = each.cache_parameters()["maxsize"]
        if id(each) in counted:
            continue
        if most is None:  # of what is asked once for each process or device
            assert each.cache_info().currsize <= 8, name
        else:
            assert each.cache_info().currsize <= most, name
