"""What is measured, against what is known beforehand."""

import gc
import sys
import time
from collections.abc import Callable

import pytest
import torch
from torch import nn

import passband as pb
from passband.kernels import missing
from passband.lab.bench.contender import PLANS, Contender, formats, ours, plain
from passband.lab.bench.floor import Work, floor_seconds, look, ways
from passband.lab.bench.grid import layer
from passband.lab.bench.machine import Rates, describe, prepared
from passband.lab.bench.peers import layer_peers, usable
from passband.lab.bench.steps import inference, layer_step, training_step
from passband.lab.bench.timing import WARM_UP, Seconds, interleaved, summary

CPU = torch.device("cpu")
CASE = layer("layer", "small", (2, 3, 8, 8), 4, 3)
X = torch.zeros(CASE.shape)
F32 = torch.float32


def test_contenders_take_turns_without_collections() -> None:
    calls: list[str] = []

    def noted(name: str) -> Callable[[], None]:
        def run() -> None:
            assert not gc.isenabled()
            calls.append(name)
            time.sleep(0.021)  # long enough: one call a turn

        return run

    seconds = interleaved({name: noted(name) for name in "ab"}, 3, CPU)
    assert "".join(calls) == "ab" * (WARM_UP + 3)
    assert gc.isenabled()
    assert all(0 < one.lower <= one.median <= one.upper for one in seconds.values())


def test_short_work_is_done_several_times_a_turn() -> None:
    calls: list[None] = []
    interleaved({"a": lambda: calls.append(None)}, 1, CPU)
    assert len(calls) > WARM_UP + 10


def test_quartiles() -> None:
    assert summary([2.0]) == Seconds(2.0, 2.0, 2.0)
    assert summary([1.0, 2.0, 3.0, 10.0]) == Seconds(2.5, 1.75, 4.75)


def test_a_layers_step_is_forward_and_backward() -> None:
    conv = nn.Conv2d(3, 4, 3)
    step = layer_step(conv, torch.randn(2, 3, 8, 8), F32)
    gradients = step.run()
    assert isinstance(gradients, tuple)
    assert [g.shape for g in gradients] == [(2, 3, 8, 8), (4, 3, 3, 3), (4,)]
    assert step.forward is not None
    assert pb.memory.saved(step.forward).total == 4 * 2 * 3 * 64


def test_a_training_step_trains_and_inference_does_not() -> None:
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 10))
    before = [p.detach().clone() for p in model.parameters()]
    x = torch.randn(4, 3, 4)
    forward = inference(model, x, F32)
    y = forward.run()
    assert isinstance(y, torch.Tensor)
    assert y.is_inference()
    assert forward.forward is None
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    training_step(model, x, F32).run()
    assert not torch.equal(before[-1], list(model.parameters())[-1])
    assert all(p.grad is None for p in model.parameters())


def test_all_pixels_of_a_sample_have_its_label() -> None:
    model, x = nn.Conv2d(3, 10, 1), torch.randn(4, 3, 2, 5)
    forward = training_step(model, x, F32).forward
    assert forward is not None
    right = [model(x).log_softmax(1)[i, i] for i in range(4)]
    torch.testing.assert_close(forward(), -torch.stack(right).mean())


def test_bfloat16_is_autocast() -> None:
    conv = nn.Conv2d(3, 4, 3)
    y = inference(conv, torch.randn(2, 3, 8, 8), torch.bfloat16).run()
    assert isinstance(y, torch.Tensor)
    assert (y.dtype, conv.weight.dtype) == (torch.bfloat16, F32)


def test_the_plain_floor_counts_every_tap_and_byte_once() -> None:
    (contender,) = [c for c in plain(CASE, X) if c.name.endswith("contiguous")]
    (forward,) = look(contender.module, inference(contender.module, X, F32), F32)
    products = 2 * 4 * 64 * 27
    assert forward.operations == 2 * products
    assert forward.bytes == 4 * (2 * 3 * 64 + 2 * 4 * 64 + 4 * 27)
    (both,) = look(contender.module, layer_step(contender.module, X, F32), F32)
    assert both.operations == 3 * forward.operations
    assert both.bytes == 4 * (3 * 2 * 3 * 64 + 2 * 2 * 4 * 64 + 3 * 4 * 27)


def test_our_floor_counts_kept_bins() -> None:
    (first, *_) = ours(CASE, X, (0.25,), ("dft",), training=True)
    (seen,) = look(first.module, layer_step(first.module, X, F32), F32)
    assert seen.plan is not None
    m, n = seen.plan.geometry.modes
    bins = ((2 * m - 1) * (2 * n - 1) + 1) // 2  # one of each mirrored pair
    products = 3  # for a complex one
    assert seen.operations == 3 * 2 * products * (2 * 3 * 4) * bins
    assert ways([seen]) == "dft"
    assert first.keep_measured == pytest.approx(seen.plan.geometry.keep)


@pytest.mark.skipif(missing("cpu") is not None, reason="no kernels")
def test_our_frozen_floor_reads_spectra_or_as_fused_taps() -> None:
    maps, filters = 4 * 2 * (3 + 4) * 64, 3 * 4
    for first in ours(CASE, X, (0.5,), ("dft", "fused"), training=False):
        (seen,) = look(first.module, inference(first.module, X, F32), F32)
        assert seen.plan is not None
        m, n = seen.plan.geometry.modes
        bins = ((2 * m - 1) * (2 * n - 1) + 1) // 2
        weights = {"dft": 8 * filters * bins, "fused": 4 * filters * 9}
        assert seen.bytes == maps + weights[seen.plan.way]


def test_the_slower_of_computing_and_moving_counts() -> None:
    rates = Rates(operations=100.0, bytes=10.0)
    assert floor_seconds([Work(200.0, 1.0), Work(1.0, 30.0)], rates) == 2.0 + 3.0


def test_ours_at_each_keep_plan_and_format() -> None:
    found = list(ours(CASE, X, (0.5, 0.25), ("auto", "fft"), training=True))
    assert [(c.name, c.keep) for c in found] == [
        (f"passband {plan} {memory}", keep)
        for keep in (0.5, 0.25)
        for plan in ("auto", "fft")
        for memory in ("contiguous", "channels_last")
    ]
    last = found[1]
    assert last.x.is_contiguous(memory_format=torch.channels_last)
    weights = [next(c.module.parameters()) for c in found]
    assert all(torch.equal(weights[0], weight) for weight in weights)


def test_a_layer_contends_only_by_ways_that_it_has() -> None:
    volume = layer("volume", "small", (1, 2, 4, 4, 4), 2, 3)
    found = ours(volume, torch.zeros(volume.shape), (0.5,), PLANS, training=True)
    assert {c.plan for c in found} == {"fft", "dft", "spatial", "auto"}
    flat = {c.plan for c in ours(CASE, X, (0.5,), PLANS, training=True)}
    assert ("fused" in flat) is (missing("cpu") is None)


def test_series_have_one_memory_format() -> None:
    assert formats(layer("series", "series", (1, 2, 9), 2, 3)) == ("contiguous",)
    volume = layer("volume", "small", (1, 2, 4, 4, 4), 2, 3)
    assert [c.name for c in plain(volume, torch.zeros(volume.shape))] == [
        "nn.Conv contiguous",
        "nn.Conv channels_last",
    ]


def test_a_peer_that_cannot_is_noted() -> None:
    def attempt(contender: Contender) -> None:
        if contender.name == "bad":
            raise RuntimeError("no\nsuch   thing")

    some = [Contender(name, nn.Identity(), X) for name in ("good", "bad")]
    peers = usable(some, attempt)
    assert [c.name for c in peers.contenders] == ["good"]
    assert peers.notes == ("bad: no such thing",)


def test_a_peer_that_is_not_installed_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fft_conv_pytorch", None)
    assert layer_peers(CASE, X).notes == ("fft-conv-pytorch: not installed",)


def test_the_machine_is_as_it_was_afterwards() -> None:
    before = torch.get_num_threads()
    with prepared(before + 1):
        assert torch.backends.cudnn.enabled  # which its scope of flags turns off if not told
        assert torch.backends.cudnn.benchmark
        assert describe(CPU).threads == before + 1
    assert torch.get_num_threads() == before
