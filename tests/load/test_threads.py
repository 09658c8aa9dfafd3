"""Threads that share a model, and processes that are forked from one that used it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
import torch
from loaded_models import BAND, MODELS, OTHER, around, converted, gradients, maps, plain, step
from torch import Tensor, nn

import passband as pb
from passband.functional.plan import make_plan
from passband.functional.preparation import geometry_of
from passband.nn.frozen import Frozen
from passband.transforms import remembered

THREADS, TIMES = 8, 12
SIZES = [(12, 10), (9, 9), (16, 12), (11, 14)]


@pytest.fixture(params=[1, 2])
def threads_of_torch(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many each of ours computes with."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def at_once(work: Callable[[int], None]) -> None:
    """Work of eight threads that begin together; the first error is raised."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> None:
        barrier.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(begin, range(THREADS)))


def nothing_known() -> None:
    """Threads meet where things are made for the first time."""
    remembered.forget()
    make_plan.cache_clear()
    geometry_of.cache_clear()


def outputs(name: str, model: nn.Module) -> list[Tensor]:
    with torch.no_grad(), around(name):
        return [model(maps(seed, size)) for seed, size in enumerate(SIZES)]


@pytest.mark.usefixtures("threads_of_torch")
@pytest.mark.parametrize("name", MODELS)
def test_a_shared_model_infers_the_same_bits(name: str) -> None:
    model = MODELS[name]().eval()
    wanted = outputs(name, model)
    fresh = MODELS[name]().eval()  # a frozen one remembers nothing yet
    nothing_known()

    def infer(number: int) -> None:
        for _ in range(TIMES):
            for found, right in zip(outputs(name, fresh), wanted, strict=True):
                assert torch.equal(found, right)

    at_once(infer)


@pytest.mark.usefixtures("threads_of_torch")
@pytest.mark.parametrize("name", ["converted", "exact", "bf16", "spectral", "scope"])
def test_a_model_for_each_thread_trains_as_alone(name: str) -> None:
    def trained(model: nn.Module) -> dict[str, Tensor]:
        for seed, size in enumerate(SIZES):
            step(name, model, maps(seed, size))
        return gradients(model)

    wanted = trained(MODELS[name]())
    models = [MODELS[name]() for _ in range(THREADS)]
    nothing_known()

    def train(number: int) -> None:
        found = trained(models[number])
        for key, value in wanted.items():
            assert torch.equal(found[key], value)

    at_once(train)


def test_a_shared_model_gives_each_thread_its_gradients() -> None:
    model = converted(pb.MemoryPolicy.exact()).eval()

    def grads(seed: int) -> list[Tensor]:
        return list(torch.autograd.grad(model(maps(seed)).square().sum(), list(model.parameters())))

    wanted = [grads(seed) for seed in range(THREADS)]

    def work(number: int) -> None:
        for _ in range(TIMES):
            assert all(map(torch.equal, grads(number), wanted[number]))

    at_once(work)


def test_a_scope_is_that_of_its_thread() -> None:
    model = plain().eval()
    free, bound = outputs("plain", model), outputs("scope", model)
    assert not torch.equal(free[0], bound[0])

    def infer(number: int) -> None:
        name, wanted = ("scope", bound) if number % 2 else ("plain", free)
        for _ in range(TIMES):
            assert all(map(torch.equal, outputs(name, model), wanted))

    at_once(infer)


@pytest.mark.parametrize("name", ["converted", "frozen"])
def test_while_bands_change_each_layer_has_one_of_them(name: str) -> None:
    """Layers change one after another: what holds for a pass holds for each layer."""
    model = pb.nn.BandConv2d(3, 4, 3, padding=1, band=BAND).eval()
    if name == "frozen":
        pb.freeze_(model)
    x, wanted = maps(), list[Tensor]()
    with torch.no_grad():
        for band in (BAND, OTHER):
            pb.set_band_(model, band)
            wanted.append(model(x))
    assert not torch.equal(*wanted)
    over = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for turn in range(200):
                pb.set_band_(model, (BAND, OTHER)[turn % 2])
            over.set()
            return
        with torch.no_grad():
            while not over.is_set():
                found = model(x)
                assert any(torch.equal(found, one) for one in wanted)

    at_once(work)


@pytest.mark.parametrize("layer", [pb.nn.BandConv2d, pb.nn.BandConvTranspose2d])
def test_a_band_set_in_the_middle_of_a_call_is_not_remembered_as_another(
    layer: type[pb.nn.BandConv2d], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = layer(3, 4, 3, padding=1, band=BAND).eval()
    x, recalled = maps(), Frozen.ready
    with torch.no_grad():
        wanted = model(x)
        pb.freeze_(model)

        def late(frozen: Frozen, *args: Any) -> Any:
            monkeypatch.undo()
            model.band = OTHER  # as another thread may, when the layer knows what it looks for
            return recalled(frozen, *args)

        monkeypatch.setattr(Frozen, "ready", late)
        model(x)
        model.band = BAND
        torch.testing.assert_close(model(x), wanted)


def test_layers_are_frozen_and_thawed_while_others_infer() -> None:
    model = converted().eval()
    wanted, over = outputs("converted", model), threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for _ in range(100):
                pb.freeze_(model)
                pb.unfreeze_(model)
            over.set()
            return
        while not over.is_set():
            for found, right in zip(outputs("converted", model), wanted, strict=True):
                torch.testing.assert_close(found, right)  # another way, to rounding

    at_once(work)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.parametrize("name", MODELS)
def test_a_forked_process_computes_the_same(name: str, threads_of_torch: int) -> None:
    model = MODELS[name]().eval()
    with torch.no_grad():
        wanted = outputs(name, model)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        torch.set_num_threads(1)  # as PyTorch's loaders do: the parent's threads are not here
        same = all(
            torch.allclose(found, right, atol=1e-6)
            for found, right in zip(outputs(name, deepcopy(model)), wanted, strict=True)
        )
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
