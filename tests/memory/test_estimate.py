"""What is estimated from a few samples, against what a full training step takes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS, Residual
from torch import Tensor, nn

import passband as pb
from passband.lab.models import create_model
from passband.memory import Estimate, estimate, largest_batch, largest_input, saved
from passband.memory.peak import peak_bytes
from passband.memory.trial import MakeOptimizer

CPU = torch.device("cpu")
SGD: MakeOptimizer = partial(torch.optim.SGD, lr=0.01, momentum=0.9)
P = pb.MemoryPolicy
Precision = Callable[[], AbstractContextManager[Any]]


def labelled(y: Tensor) -> Tensor:
    return F.cross_entropy(y, torch.zeros(len(y), dtype=torch.long))


def measured(
    model: nn.Module,
    x: Tensor,
    precision: Precision = nullcontext,
    optimizer: MakeOptimizer = SGD,
) -> tuple[int, int]:
    """Saved bytes and the peak of a real training step, written as anyone would write it."""
    trained = optimizer(list(model.parameters()))
    target = torch.zeros(len(x), dtype=torch.long)

    def loss() -> Tensor:
        with precision():
            return F.cross_entropy(model(x), target)

    def step() -> None:
        loss().backward()
        trained.step()
        trained.zero_grad()

    step()
    held = saved(loss).total
    there = [*model.parameters(), *model.buffers(), x]
    there += [t for state in trained.state.values() for t in state.values()]
    return held, peak_bytes(step, CPU) + sum(t.nbytes for t in there)


def resnet() -> nn.Module:
    blocks = Residual(8, 8, 1), Residual(8, 32, 2)
    stem = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def fcn() -> nn.Module:
    return create_model("fcn", num_classes=4, in_channels=1)


IMAGE, SERIES = (3, 32, 32), (1, 150)
F32: Precision = nullcontext
HALF: Precision = partial(torch.autocast, "cpu", torch.bfloat16)
CASES: dict[
    str, tuple[Callable[[], nn.Module], tuple[int, ...], float | None, P | None, Precision]
] = {
    "plain": (resnet, IMAGE, None, None, F32),
    "band": (resnet, IMAGE, 0.25, None, F32),
    "exact": (resnet, IMAGE, 0.25, P.exact(), F32),
    "bf16": (resnet, IMAGE, 0.25, P.bf16(), F32),
    "unchanged forward": (resnet, IMAGE, None, P.unchanged_forward(), F32),
    "series": (fcn, SERIES, None, None, F32),
    "series, exact": (fcn, SERIES, 0.25, P.exact(), F32),
    "plain, autocast": (resnet, IMAGE, None, None, HALF),
    "exact, autocast": (resnet, IMAGE, 0.25, P.exact(), HALF),
}


def network(case: str) -> tuple[nn.Module, Tensor, Precision]:
    """The network of a case, a batch of 32, and the scope it runs in."""
    make, shape, keep, policy, precision = CASES[case]
    model = make()
    if keep is not None or policy is not None:
        pb.convert_(model, None if keep is None else pb.Band(keep=keep), memory=policy)
    return model, torch.randn(32, *shape), precision


@pytest.mark.parametrize("tried", [32, 64])
@pytest.mark.parametrize("case", CASES)
def test_within_a_tenth_of_what_is_measured(
    case: str, tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a step of that size, and from 16 and 32 samples."""
    monkeypatch.setattr("passband.memory.growth.MOST", tried)
    model, x, precision = network(case)
    x = x if tried >= 64 else torch.cat([x, x])
    with precision():
        found = estimate(model, x[:1], batch_size=len(x), optimizer=SGD, loss=labelled)
    held, peak = measured(model, x, precision)
    assert found.saved == pytest.approx(held, rel=0.1)
    assert found.peak == pytest.approx(peak, rel=0.1)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_as_people_write_them(name: str) -> None:
    model, x = NETWORKS[name](), torch.randn(32, 3, 32, 32).to(memory_format=torch.channels_last)
    if name == "u-net":
        model = nn.Sequential(model, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = estimate(model, x[:3], batch_size=32, optimizer=SGD, loss=labelled)
    held, peak = measured(model, x)
    assert found.saved == pytest.approx(held, rel=0.1)
    assert found.peak == pytest.approx(peak, rel=0.1)


@pytest.mark.parametrize("size", [1, 3, 5, 200])
def test_small_and_large_batches(size: int) -> None:
    model, x = NETWORKS["vgg"](), torch.randn(size, 3, 16, 16)
    found = estimate(model, x, optimizer=SGD, loss=labelled)
    held, peak = measured(model, x)
    assert found.batch_size == size
    assert found.saved == pytest.approx(held, rel=0.1)
    assert found.peak == pytest.approx(peak, rel=0.1)


def test_the_peak_is_put_together_from_allocations() -> None:
    """Gradients are 4 MiB and a sample 8 KiB: the peak moves from backward's end to its start."""
    model = nn.Sequential(*(nn.Linear(512, 512) for _ in range(4)), nn.ReLU())
    for size in (8, 300, 2000):
        x = torch.randn(size, 512)
        found = estimate(model, x, optimizer=SGD, loss=labelled).peak
        assert found == pytest.approx(measured(model, x)[1], rel=0.01)


@pytest.mark.parametrize(("optimizer", "numbers"), [(SGD, 1), (torch.optim.AdamW, 2)])
def test_parts_by_formula(optimizer: MakeOptimizer, numbers: int) -> None:
    model = nn.Sequential(nn.Conv1d(4, 8, 3, bias=False), nn.BatchNorm1d(8))
    model[0].weight.requires_grad_(False)
    found = estimate(model, torch.zeros(2, 4, 12), optimizer=optimizer)
    assert found.parameters == 4 * (4 * 8 * 3 + 2 * 8)
    assert found.buffers == 4 * 2 * 8 + 8
    assert found.gradients == 4 * 2 * 8
    steps = 2 * 4 if numbers == 2 else 0  # that AdamW counts for each tensor
    assert found.optimizer == numbers * found.gradients + steps
    assert found.saved == 4 * (2 * 8 * 10 * 2 + 4 * 8)  # the norm's map and the loss's, statistics
    assert found.peak > found.parameters + found.buffers + found.optimizer + found.saved


def test_the_text() -> None:
    found = Estimate(32, 2**21, 512, 2**21, 2**22, 150 * 2**20, 180 * 2**20)
    assert str(found) == (
        "180.00 MiB at batch size 32 (parameters 2.00 MiB, buffers 0.5 KiB, gradients 2.00 MiB, "
        "optimizer 4.00 MiB, saved 150.00 MiB, within layers 22.00 MiB)"
    )


class Several(nn.Module):
    """Two inputs, and outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)

    def forward(self, x: Tensor, index: Tensor) -> dict[str, Any]:
        y = self.layer(x)
        return {"pair": (y, y.tanh()), "index": index, "none": None}


def test_inputs_and_outputs_of_several_tensors() -> None:
    found = estimate(Several(), (torch.zeros(2, 64), torch.zeros(2)), batch_size=32)
    assert found.saved == 4 * 32 * 64 * 3  # input, output and its tanh


@pytest.mark.parametrize("training", [True, False])
def test_the_model_stays_as_it_is(training: bool) -> None:
    model, x, _ = network("exact")
    model.train(training)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    before, hooks = (
        copy.deepcopy(model.state_dict()),
        [len(m._forward_hooks) for m in model.modules()],
    )
    state = torch.random.get_rng_state()
    given = x.clone()
    estimate(model, x, batch_size=8)
    largest_batch(model, x, 2**30)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(x, given)
    assert all(torch.equal(t, before[key]) for key, t in model.state_dict().items())
    assert all(p.grad is not None and bool((p.grad == 1).all()) for p in model.parameters())
    assert [len(m._forward_hooks) for m in model.modules()] == hooks
    assert all(m.training is training for m in model.modules())


def test_evaluation_mode_and_frozen_parameters_hold_less() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Dropout(0.5), nn.Linear(64, 64))
    x = torch.zeros(32, 64)
    training = estimate(model, x)
    assert estimate(model.eval(), x).saved < training.saved
    model[0].requires_grad_(False)
    assert estimate(model, x).optimizer < training.optimizer


def test_without_a_gradient_scope() -> None:
    with torch.no_grad():
        assert estimate(nn.Linear(8, 8), torch.zeros(2, 8)).saved > 0


@pytest.mark.parametrize("case", ["plain", "exact", "series"])
def test_the_largest_batch_fits_and_a_fifth_more_does_not(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passband.memory.growth.MOST", 32)
    model, x, _ = network(case)
    limit = 1.4 * estimate(model, x, optimizer=SGD, loss=labelled).peak
    size = largest_batch(model, x[:2], limit, optimizer=SGD, loss=labelled)
    assert size > 32
    assert estimate(model, x, batch_size=size, optimizer=SGD, loss=labelled).peak <= limit
    assert estimate(model, x, batch_size=size + 1, optimizer=SGD, loss=labelled).peak > limit
    more = torch.randn(size * 6 // 5, *x.shape[1:])
    assert measured(model, more[:size])[1] <= limit * 1.01
    assert measured(model, more)[1] > limit


@pytest.mark.parametrize("case", ["plain", "exact", "series"])
@pytest.mark.parametrize("times", [0.6, 3.0])
def test_the_largest_maps_fit_and_a_fifth_more_do_not(case: str, times: float) -> None:
    model, x, _ = network(case)
    x = x[:8]
    limit = times * estimate(model, x, optimizer=SGD, loss=labelled).peak
    space = largest_input(model, x, limit, optimizer=SGD, loss=labelled)
    assert measured(model, torch.randn(8, x.shape[1], *space))[1] <= limit * 1.01
    more = [-(-n * 6 // 5) for n in space]
    assert measured(model, torch.randn(8, x.shape[1], *more))[1] > limit


def test_the_largest_maps_have_proportions_and_multiples() -> None:
    model = NETWORKS["u-net"]()
    height, width = largest_input(model, torch.zeros(4, 3, 16, 32), 2**25, multiple=8)
    assert height % 8 == width % 8 == 0
    assert abs(width - 2 * height) <= 8
    peak = estimate(model, torch.zeros(4, 3, height, width)).peak
    assert 0.7 * 2**25 < peak <= 2**25


def test_maps_beyond_what_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passband.memory.largest._TRIED", 2**20)
    model = NETWORKS["vgg"]()
    space = largest_input(model, torch.zeros(2, 3, 16, 16), 2**25)
    assert 0.9 * 2**25 < estimate(model, torch.zeros(2, 3, *space)).peak <= 2**25


LAYER, X = nn.Conv2d(3, 4, 3), torch.zeros(2, 3, 8, 8)
ANY: Any = None
WORD: Any = "8"
ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: estimate(ANY, X), TypeError, "the model is a Module; got None"),
    (lambda: estimate(nn.ReLU(), X), ValueError, "no parameter of this ReLU is trained"),
    (lambda: estimate(LAYER, ANY), TypeError, "a tensor or a tuple of them; got None"),
    (lambda: estimate(LAYER, ()), TypeError, "a tensor or a tuple of them; got ()"),
    (lambda: estimate(LAYER, (X, ANY)), TypeError, "tensors only; got NoneType None"),
    (lambda: estimate(LAYER, X[:0]), ValueError, r"of one sample at least.*got shapes \(0, 3, 8"),
    (lambda: estimate(LAYER, X[0, 0, 0, 0]), ValueError, r"got shapes \(\)"),
    (lambda: estimate(LAYER, (X, X[:1])), ValueError, r"got shapes \(2, 3, 8, 8\), \(1, 3, 8, 8"),
    (lambda: estimate(LAYER, X, batch_size=0), ValueError, "batch_size is at least 1; got 0"),
    (lambda: estimate(LAYER, X, loss=lambda y: y), ValueError, "the loss is one number"),
    (lambda: estimate(LAYER, X, loss=lambda y: y.detach().sum()), ValueError, "the loss is one"),
    (lambda: largest_batch(LAYER, X, 0), ValueError, "positive number of bytes; got 0"),
    (
        lambda: largest_batch(LAYER, X, 2000),
        ValueError,
        r"one sample takes \d+ bytes.*got limit=2000",
    ),
    (lambda: largest_input(LAYER, X, -1), ValueError, "positive number of bytes; got -1"),
    (lambda: largest_input(LAYER, ANY, 2**20), TypeError, "a Tensor; got NoneType"),
    (lambda: largest_input(LAYER, X[:, :, 0, 0], 2**20), ValueError, r"got shape \(2, 3\)"),
    (
        lambda: largest_input(LAYER, X, 2**20, multiple=0),
        ValueError,
        "multiple is at least 1; got 0",
    ),
    (lambda: largest_input(LAYER, X, 2600), ValueError, r"of \(\d, \d\), the model does not take"),
    (lambda: largest_input(LAYER, X, 1000), ValueError, "optimizer take 1.3 KiB.*got limit=1000"),
    (lambda: largest_batch(LAYER, X, WORD), TypeError, "number of bytes; got '8'"),
    (lambda: largest_input(LAYER, X, ANY), TypeError, "number of bytes; got None"),
    (lambda: largest_batch(LAYER, X, 1e20), ValueError, "positive number of bytes; got 1e"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
