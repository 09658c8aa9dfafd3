"""freeze_: the same values without computing filter spectra again, and never stale ones."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.functional import filtering
from passband.functional.apply import ready
from passband.functional.plan import Plan
from passband.nn import setting
from passband.transforms.fourier import Part

BAND = pb.Band(keep=0.3)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of weights whose spectra were computed, in order."""
    shapes: list[tuple[int, ...]] = []
    original = filtering._spectra

    def counting(weight: Tensor, plan: Plan, part: Part | None) -> Tensor:
        shapes.append(tuple(weight.shape))
        return original(weight, plan, part)

    monkeypatch.setattr(filtering, "_spectra", counting)
    return shapes


def network(plan: str = "dft") -> nn.Sequential:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 4, 3, stride=2, groups=2),
        nn.Conv2d(4, 4, 3, groups=4, padding=1, padding_mode="circular"),
    )
    pb.convert_(model, BAND, plan=plan)  # type: ignore[arg-type]
    return model.eval()


@pytest.mark.parametrize("plan", ["fft", "dft", "spatial", "auto", "measure"])
def test_values_stay_the_same(plan: str) -> None:
    model, x = network(plan), torch.randn(3, 2, 10, 9)
    with torch.no_grad():
        expected = model(x)
        assert pb.freeze_(model) == 3
        for _ in range(2):
            torch.testing.assert_close(model(x), expected)


def test_spectra_are_computed_once_for_each_size_and_band(
    computed: list[tuple[int, ...]],
) -> None:
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1))
    pb.convert_(model, BAND, plan="dft")
    pb.freeze_(model)
    with torch.inference_mode():
        for _ in range(3):
            for size in (10, 12):
                model(torch.randn(1, 2, size, size))
    assert computed == [(4, 2, 3, 3)] * 2
    pb.set_band_(model, pb.Band(keep=0.6))
    with torch.no_grad():
        model(torch.randn(1, 2, 10, 10))
        pb.set_band_(model, BAND)
        model(torch.randn(5, 2, 10, 10))
    assert len(computed) == 3


def test_a_changed_weight_is_seen() -> None:
    model, x = network(), torch.randn(1, 2, 10, 9)
    fresh = copy.deepcopy(model)
    pb.freeze_(model)
    with torch.no_grad():
        model(x)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model(x).square().sum().backward()
    optimizer.step()
    fresh.load_state_dict(model.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(model(x), fresh(x))
    model.double()
    fresh.double()
    with torch.no_grad():
        torch.testing.assert_close(model(x.double()), fresh(x.double()))
    other = network()
    model.load_state_dict(other.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(model(x.double()), other.double()(x.double()))


def test_gradients_are_those_of_the_layer(computed: list[tuple[int, ...]]) -> None:
    model, x = network(), torch.randn(1, 2, 10, 9, requires_grad=True)
    fresh = copy.deepcopy(model)
    pb.freeze_(model)
    with torch.no_grad():
        model(x)
    for a, b in zip(
        torch.autograd.grad(model(x).sum(), [x, *model.parameters()]),
        torch.autograd.grad(fresh(x).sum(), [x, *fresh.parameters()]),
        strict=True,
    ):
        assert torch.equal(a, b)


def test_copies_and_pickles_hold_no_spectra(computed: list[tuple[int, ...]]) -> None:
    model, x = network(), torch.randn(1, 2, 10, 9)
    small = len(pickle.dumps(model))
    pb.freeze_(model)
    with torch.no_grad():
        expected = model(x)
        before = len(computed)
        twin = copy.deepcopy(model)
        torch.testing.assert_close(twin(x), expected)
        assert len(computed) == 2 * before
    assert len(pickle.dumps(model)) < small + 1000
    assert model.state_dict().keys() == network().state_dict().keys()


def test_unfreeze_and_revert_forget() -> None:
    model = network()
    pb.freeze_(model)
    assert pb.unfreeze_(model) == 3
    assert pb.unfreeze_(model) == 0
    pb.freeze_(model)
    pb.revert_(model)
    assert not any("_frozen" in vars(module) for module in model.modules())


def test_few_sizes_are_remembered() -> None:
    model = nn.Sequential(nn.Conv1d(1, 2, 3))
    pb.convert_(model, BAND, plan="dft")
    pb.freeze_(model)
    with torch.no_grad():
        for size in range(10, 40):
            model(torch.randn(1, 1, size))
    layer = model[0]
    assert isinstance(layer, pb.nn.BandConv1d)
    assert layer._frozen is not None
    assert len(layer._frozen.spectra._memory._known[2]) == 8


def alive(shape: tuple[int, ...]) -> int:
    """How many tensors of a shape there are."""
    return sum(type(o) is Tensor and o.shape == shape for o in gc.get_objects())


@pytest.mark.parametrize("plan", ["fft", "dft", "spatial", "auto"])
def test_nothing_of_a_map_or_a_deleted_layer_stays(plan: str) -> None:
    model, shape = network(plan), (3, 2, 13, 11)
    pb.freeze_(model)
    with torch.no_grad():
        model(torch.randn(shape))
        with torch.autocast("cpu", torch.bfloat16):
            model(torch.randn(shape))
    assert alive(shape) == 0
    weights = [weakref.ref(p) for p in model.parameters()]
    gc.disable()
    try:
        del model
        assert not any(weight() is not None for weight in weights)
    finally:
        gc.enable()


def test_many_batch_sizes_share_spectra(
    computed: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, made = pb.nn.BandConvTranspose2d(2, 4, 3, stride=2, keep=0.3, plan="dft"), []
    original = ready

    def counting(*given: Any) -> Any:
        made.append(given)
        return original(*given)

    monkeypatch.setattr(setting, "ready", counting)
    layer.freeze()
    with torch.no_grad():
        for _ in range(2):
            for n in range(1, 30):
                layer(torch.randn(n, 2, 8, 8), output_size=(17, 18))
        assert (len(computed), len(made)) == (1, 29)


def test_a_change_of_dtype_and_back_is_seen() -> None:
    for channels in (3, 40, 150, 300):
        layer = pb.nn.BandConv2d(channels, channels, 3, padding=1, keep=0.3)
        layer.freeze()
        x = torch.randn(1, channels, 8, 8)
        for _ in range(5):
            with torch.no_grad():
                layer.weight.normal_()
                layer(x)
                layer.bfloat16()
                layer.float()
                fresh = copy.deepcopy(layer)
                fresh.unfreeze()
                torch.testing.assert_close(layer(x), fresh(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("verb", [pb.freeze_, pb.unfreeze_], ids=lambda verb: verb.__name__)
def test_only_modules_freeze(verb: object) -> None:
    with pytest.raises(TypeError, match=r"the model is a torch.nn.Module; got Tensor"):
        verb(torch.zeros(1))  # type: ignore[operator]


def test_under_autocast_each_dtype_has_its_own() -> None:
    model, x = network("dft"), torch.randn(1, 2, 10, 9)
    pb.freeze_(model)
    with torch.no_grad():
        exact = model(x)
        for _ in range(2):
            with torch.autocast("cpu", torch.bfloat16):
                small = model(x)
            assert small.dtype == torch.bfloat16
            assert (small.float() - exact).norm() < 0.03 * exact.norm()
            torch.testing.assert_close(model(x), exact)


def test_a_weight_computed_anew_is_never_taken_for_the_last() -> None:
    layer = pb.nn.BandConv2d(4, 6, 3, padding=1, keep=0.3, plan="dft")
    nn.utils.parametrizations.weight_norm(layer)
    layer.freeze()
    x = torch.randn(1, 4, 10, 10)
    for _ in range(20):
        with torch.no_grad():
            layer.parametrizations.weight.original0.mul_(1.1)  # type: ignore[union-attr, operator]
            frozen = layer(x)
        torch.testing.assert_close(frozen, layer(x).detach())
    for _ in range(20):
        weights = {"bias": torch.randn(6), "weight": torch.randn(6, 4, 3, 3)}
        plain = pb.nn.BandConv2d(4, 6, 3, padding=1, keep=0.3, plan="dft")
        plain.freeze()
        with torch.no_grad():
            found = torch.func.functional_call(plain, weights, (x,))
        form = pb.functional.band_conv2d
        expected = form(x, weights["weight"], weights["bias"], padding=1, band=BAND, plan="dft")
        torch.testing.assert_close(found, expected)


def test_weights_of_inference_mode_may_change() -> None:
    with torch.inference_mode():
        layer = pb.nn.BandConv2d(4, 6, 3, bias=False, keep=0.3, plan="dft")
        layer.freeze()
        x = torch.randn(1, 4, 10, 10)
        before = layer(x)
        layer.weight.mul_(2)
        torch.testing.assert_close(layer(x), 2 * before)


def test_threads_share_a_frozen_layer() -> None:
    layer = pb.nn.BandConv1d(2, 3, 3, keep=0.3, plan="dft")
    maps = [torch.randn(1, 2, size) for size in range(8, 28)]
    with torch.no_grad():
        expected = [layer(x) for x in maps]
    layer.freeze()

    def run(first: int) -> None:
        with torch.no_grad():
            for i in range(first, first + 200):
                at = i % len(maps)
                torch.testing.assert_close(layer(maps[at]), expected[at])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))


def test_a_model_without_band_limited_layers_is_refused_and_a_frozen_one_says_so() -> None:
    with pytest.raises(ValueError, match="freeze_: Sequential has no band-limited layer"):
        pb.freeze_(nn.Sequential(nn.Conv1d(1, 2, 3)))
    model = network()
    assert "frozen" not in repr(model)
    pb.freeze_(model)
    assert repr(model).count(", frozen)") == 3
