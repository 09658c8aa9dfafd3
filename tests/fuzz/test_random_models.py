"""Random small models: converted, run, frozen and turned back, they are what they were."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn

import passband as pb

SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))
ACTIVATIONS = [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Identity]


@st.composite
def models(draw: st.DrawFn) -> tuple[nn.Sequential, Tensor]:
    """Up to three convolutions with what stands between them, and a batch for them."""
    dims = draw(st.integers(1, 3))
    channels = draw(st.sampled_from([1, 2, 4]))
    space = [draw(st.integers(4, {1: 70, 2: 16, 3: 7}[dims])) for _ in range(dims)]
    torch.manual_seed(draw(st.integers(0, 2**16)))
    x, parts = torch.randn(draw(st.integers(1, 3)), channels, *space), list[nn.Module]()
    for _ in range(draw(st.integers(1, 3))):
        options: dict[str, Any] = {"kernel_size": draw(st.sampled_from([1, 2, 3, 5]))}
        options |= {"stride": draw(st.sampled_from([1, 1, 2])), "bias": draw(st.booleans())}
        options |= {"groups": draw(st.sampled_from([1, channels]))}
        name = draw(st.sampled_from(["Conv", "Conv", "ConvTranspose"]))
        if name == "Conv":
            options |= {"padding": options["kernel_size"] // 2}
            modes = ["zeros", "zeros", "circular", "replicate"]
            options |= {"padding_mode": draw(st.sampled_from(modes))}
        outputs = channels * draw(st.sampled_from([1, 2]))
        parts.append(getattr(nn, f"{name}{dims}d")(channels, outputs, **options))
        if draw(st.booleans()):
            parts.append(getattr(nn, f"BatchNorm{dims}d")(outputs))
        parts.append(draw(st.sampled_from(ACTIVATIONS))())
        channels = outputs
    return nn.Sequential(*parts), x


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: t.detach().clone() for name, t in model.state_dict().items()}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def check(made: tuple[nn.Sequential, Tensor], keep: float, frozen: bool) -> None:
    model, x = made
    text, before, classes = repr(model), state(model), [type(m) for m in model.modules()]
    plain = copy.deepcopy(model).eval()
    pb.convert_(model, pb.Band(keep=keep), pointwise=True)
    assert_same(state(model), before)
    with torch.no_grad():
        y = model.eval()(x)
        if frozen:
            pb.freeze_(model)
            for _ in range(2):
                torch.testing.assert_close(model(x), y, rtol=1e-4, atol=1e-4)
        if keep == 1:
            torch.testing.assert_close(y, plain(x), rtol=1e-4, atol=1e-4)
    pb.revert_(model)
    assert [type(m) for m in model.modules()] == classes
    assert repr(model.train()) == text
    assert_same(state(model), before)
    assert torch.equal(model.eval()(x), plain(x))


KEEPS = st.sampled_from([1, 0.5, 0.25, 1e-9])


@settings(SETTINGS, max_examples=60, derandomize=True, database=None)
@given(models(), KEEPS, st.booleans())
def test_some_models(made: tuple[nn.Sequential, Tensor], keep: float, frozen: bool) -> None:
    check(made, keep, frozen)


@pytest.mark.slow
@settings(SETTINGS, max_examples=2000)
@given(models(), KEEPS, st.booleans())
def test_many_models(made: tuple[nn.Sequential, Tensor], keep: float, frozen: bool) -> None:
    check(made, keep, frozen)
