"""What all spectral networks have in common."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb
from passband.lab.models import available, create_model, is_spectral, options, plain_form
from passband.nn import SpecConv2d, Threshold, ToSpectrum

NAMES = [name for name in available() if is_spectral(name)]
SMALL: dict[str, dict[str, Any]] = {
    name: {"growth": 8} if "growth" in options(name) else {} for name in NAMES
}


def network(name: str, space: tuple[int, int] = (32, 32), **given: Any) -> nn.Module:
    if "image_size" in options(name):
        given["image_size"] = space
    return create_model(name, num_classes=4, in_channels=2, **SMALL[name] | given)


def reach(kernels: list[int]) -> int:
    return sum(k // 2 for k in kernels)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", ["spec_lenet5", "spec_alexnet", "spec_vgg16", "spec_densenet"])
def test_parameters_are_those_of_the_plain_network(name: str) -> None:
    """But for norms, of which each spectral network has one for each convolution, or none."""
    with torch.device("meta"):
        plain = create_model(plain_form(name), num_classes=10, in_channels=3)
        given = {"layout": "like"} if name == "spec_densenet" else {}
        one = create_model(name, num_classes=10, in_channels=3, **given)
        bn = create_model(f"{name}_bn", num_classes=10, in_channels=3, **given)
    channels = sum(m.out_channels for m in bn.modules() if isinstance(m, SpecConv2d))
    normed = any(isinstance(m, nn.BatchNorm2d) for m in plain.modules())
    biased = any(isinstance(m, nn.Conv2d) and m.bias is not None for m in plain.modules())
    assert parameters(bn) == parameters(plain) + (0 if normed else 2 * channels)
    assert parameters(one) == parameters(bn) - 2 * channels + (0 if biased else channels)


@pytest.mark.parametrize("space", [(27, 33), (8, 8), (33, 27)])
@pytest.mark.parametrize("name", NAMES)
def test_odd_and_small_images(name: str, space: tuple[int, int]) -> None:
    model = network(name, space)
    logits = model(torch.randn(2, 2, *space))
    assert logits.shape == (2, 4)
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("margin", "wanted"), [("paper", max), ("none", lambda ks: 0), ("exact", reach)]
)
@pytest.mark.parametrize("name", NAMES)
def test_margins(name: str, margin: str, wanted: Callable[[list[int]], int]) -> None:
    model = network(name, (40, 40), margin=margin)
    assert model(torch.randn(2, 2, 40, 40)).shape == (2, 4)
    found = [m.margin for m in model.modules() if isinstance(m, ToSpectrum)]
    kernels = {"spec_lenet5": [[5], [5]], "spec_alexnet": [[3], [3], 3 * [3]],
               "spec_vgg16": [[3] * n for n in (2, 2, 3, 3, 3)],
               "spec_densenet": [[3], 12 * [3]]}[name.removesuffix("_bn")]  # fmt: skip
    assert found == [(wanted(ks),) * 2 for ks in kernels]


@pytest.mark.parametrize("name", ["spec_alexnet", "spec_vgg16_bn"])
def test_maps_too_small_for_their_margin_are_told(name: str) -> None:
    model = network(name, margin="none")
    with pytest.raises(ValueError, match=r"a kernel has taps on .* a larger margin"):
        model(torch.randn(2, 2, 16, 16))


@pytest.mark.parametrize("name", ["spec_lenet5", "spec_alexnet", "spec_vgg16"])
def test_without_thresholds_and_activations_a_stage_is_its_convolutions(name: str) -> None:
    """With exact margins: of a map with zeros all around it, one after another."""
    model = network(name, beta=0.0, activation="identity", margin="exact").double()
    stages = [m for key, m in model.named_children() if key.startswith("stage")]
    assert len(stages) in (2, 3, 5)
    for stage in stages:
        convolutions = [m for m in stage.modules() if isinstance(m, SpecConv2d)]
        x = torch.randn(2, convolutions[0].in_channels, 9, 12, dtype=torch.float64)
        y = F.pad(x, (sum(m.kernel_size[0] // 2 for m in convolutions),) * 4)
        for m in convolutions:
            y = F.conv2d(y, m.weight, m.bias)
        torch.testing.assert_close(stage(x), y)


@pytest.mark.parametrize("name", NAMES)
def test_copies_compute_the_same(name: str) -> None:
    model = network(name)
    pb.set_beta_(model, 0.25)
    x = torch.randn(4, 2, 32, 32)
    with torch.no_grad():
        model(x)  # moves running statistics
    written = io.BytesIO()
    torch.save(model.state_dict(), written)
    written.seek(0)
    fresh = network(name)
    fresh.load_state_dict(torch.load(written, weights_only=True))
    expected, grads = outcome(model, x)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), fresh):
        found, its = outcome(other, x)
        assert torch.equal(found, expected)
        assert all(torch.equal(a, b) for a, b in zip(grads, its, strict=True))
        assert held(other, x) == held(model, x)
    assert {float(m.beta) for m in fresh.modules() if isinstance(m, Threshold)} == {0.25}


def held(model: nn.Module, x: Tensor) -> int:
    return pb.memory.saved(lambda: model(x)).total


def outcome(model: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    model.eval()  # dropout would differ
    logits = model(x)
    grads = torch.autograd.grad(logits.square().sum(), [*model.parameters()])
    model.train()
    return logits, [*grads]


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_holds_nothing_and_is_the_same(name: str) -> None:
    model = network(name).eval()
    x = torch.randn(2, 2, 32, 32)
    with torch.no_grad():
        quiet = model(x)
        assert held(model, x) == 0
    torch.testing.assert_close(model(x), quiet)


@pytest.mark.parametrize("name", NAMES)
def test_under_autocast_it_learns_in_bfloat16(name: str) -> None:
    model = network(name, (16, 16), beta=0.1)
    x, labels = torch.randn(8, 2, 16, 16), torch.arange(8) % 4
    dtypes = set()
    for module in model.modules():
        if isinstance(module, SpecConv2d):
            module.register_forward_hook(lambda _, args, out: dtypes.add(out.values.dtype))
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    losses = []
    for _ in range(6):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(x).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert dtypes == {torch.bfloat16}
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("store", ["bfloat16", "int8"])
def test_rough_stores_hold_less_and_change_no_output(store: str) -> None:
    exact = network("spec_vgg16_bn")
    rough = network("spec_vgg16_bn", store=store)
    rough.load_state_dict(exact.state_dict())
    x = torch.randn(4, 2, 32, 32)
    assert torch.equal(exact(x), rough(x))
    assert held(rough, x) < 0.7 * held(exact, x)
