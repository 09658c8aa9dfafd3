"""Layers in front of a model: they are their functions, and leave everything else as it is."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest
import torch
from torch import nn

import passband as pb
from passband.functional import add_noise, mask_frequencies, round_colors
from passband.nn import ColorDepth, FrequencyMask, NoiseChannel


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


LAYERS = [
    FrequencyMask(0.3),
    FrequencyMask(0.3, "square", high=True, edge="linear", width=0.2, gradient="identity"),
    ColorDepth(3),
    ColorDepth(2, -1, 1, gradient="identity"),
    NoiseChannel(0.2),
    NoiseChannel(0.2, "laplace"),
    NoiseChannel(0.2, "uniform"),
]


def test_layers_are_their_functions() -> None:
    for space in [(9,), (8, 7), (4, 5, 6)]:
        x = torch.randn(2, 3, *space, generator=seeded())
        assert torch.equal(FrequencyMask(0.3)(x), mask_frequencies(x, 0.3))
        assert torch.equal(
            LAYERS[1](x), mask_frequencies(x, 0.3, "square", high=True, edge="linear", width=0.2)
        )
        assert torch.equal(ColorDepth(2, -1, 1)(x), round_colors(x, 2, -1, 1))
        for layer in (NoiseChannel(0.2, "laplace", generator=seeded()) for _ in range(2)):
            found = layer.eval()(x)
            assert torch.equal(found, add_noise(x, 0.2, "laplace", generator=seeded()))
    x = torch.randn(3, 9, 8)
    assert torch.equal(FrequencyMask(0.3, dims=2)(x), mask_frequencies(x, 0.3, dims=2))


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_evaluation_is_as_training(layer: nn.Module) -> None:
    x = torch.randn(2, 3, 8, 7)
    torch.manual_seed(0)
    trained = layer.train()(x)
    torch.manual_seed(0)
    assert torch.equal(layer.eval()(x), trained)
    assert not torch.equal(trained, x)


def test_backward_is_the_one_that_is_named() -> None:
    x = torch.rand(1, 1, 6, 5, requires_grad=True)
    y = torch.randn(1, 1, 6, 5)
    expected = {
        FrequencyMask(0.3): mask_frequencies(y, 0.3),
        FrequencyMask(0.3, gradient="identity"): y,
        ColorDepth(3): torch.zeros_like(y),
        ColorDepth(3, gradient="identity"): y,
        NoiseChannel(0.1): y,
    }
    for layer, gradient in expected.items():
        (found,) = torch.autograd.grad(layer(x), x, y)
        assert torch.equal(found, gradient)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_state_dict_knows_nothing_of_them(layer: nn.Module) -> None:
    assert not list(layer.state_dict())
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    nn.Sequential(layer, model).load_state_dict(
        {f"1.{name}": value for name, value in model.state_dict().items()}
    )


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_copies_do_the_same(layer: nn.Module) -> None:
    x = torch.randn(2, 3, 8, 7)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.manual_seed(0)
        expected = layer(x)
        torch.manual_seed(0)
        assert torch.equal(copied(x), expected)
        assert repr(copied) == repr(layer)


def test_a_copy_of_a_generator_goes_its_own_way() -> None:
    layer = NoiseChannel(1.0, generator=seeded())
    x = torch.zeros(5)
    layer(x)
    copied = copy.deepcopy(layer)
    second = layer(x)
    assert torch.equal(copied(x), second)
    assert torch.equal(copied(x), layer(x))


@pytest.mark.filterwarnings("ignore:.*autograd.function.Function.*should not be instantiated")
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_compiled_they_are_the_same(layer: nn.Module) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    for batch in (4, 3, 6):  # from the second on the size of the batch is a symbol
        x = torch.randn(batch, 3, 10, 9, requires_grad=True)
        results = []
        for call in (compiled, layer):
            torch.manual_seed(0)
            y = call(x)
            results.append((y, *torch.autograd.grad(y.square().sum(), x)))
        for one, other in zip(*results, strict=True):
            torch.testing.assert_close(one, other)


def test_in_front_of_a_converted_model() -> None:
    model = nn.Sequential(FrequencyMask(0.3), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten())
    x = torch.randn(2, 3, 8, 8)
    before = model(x)
    pb.convert_(model, pb.Band(keep=0.5))
    inner = nn.Sequential(*list(model)[1:])
    assert torch.equal(model(x), inner(mask_frequencies(x, 0.3)))
    pb.revert_(model)
    assert torch.equal(model(x), before)


def test_what_they_are_stands_in_their_text() -> None:
    assert [repr(layer) for layer in LAYERS] == [
        "FrequencyMask(keep=0.3, shape='disk')",
        "FrequencyMask(keep=0.3, shape='square', high=True, edge='linear', width=0.2, "
        "gradient='identity')",
        "ColorDepth(3, low=0, high=1)",
        "ColorDepth(2, low=-1, high=1, gradient='identity')",
        "NoiseChannel(sigma=0.2, kind='gaussian')",
        "NoiseChannel(sigma=0.2, kind='laplace')",
        "NoiseChannel(sigma=0.2, kind='uniform')",
    ]
    assert repr(FrequencyMask(1, dims=2)) == "FrequencyMask(keep=1, shape='disk', dims=2)"


MASK: Any = FrequencyMask
DEPTH: Any = ColorDepth
NOISE: Any = NoiseChannel


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: MASK(0), ValueError, "FrequencyMask: keep lies in (0, 1]; got 0"),
        (lambda: MASK("low"), TypeError, "'low'"),
        (lambda: MASK(0.5, "ring"), ValueError, "'ring'"),
        (lambda: MASK(0.5, edge="soft"), ValueError, "'soft'"),
        (lambda: MASK(0.5, edge="linear", width=-1), ValueError, "-1"),
        (lambda: MASK(0.5, width=0.1), ValueError, "0.1"),
        (lambda: MASK(0.5, high="yes"), TypeError, "'yes'"),
        (lambda: MASK(0.5, dims=0), ValueError, "got 0"),
        (lambda: MASK(0.5, dims="2"), TypeError, "'2'"),
        (lambda: MASK(0.5, gradient=None), ValueError, "None"),
        (lambda: MASK(0.5)(torch.zeros(3, 3)), RuntimeError, "(3, 3)"),
        (lambda: DEPTH(0), ValueError, "ColorDepth: bits"),
        (lambda: DEPTH(8.0), TypeError, "8.0"),
        (lambda: DEPTH(8, 1, 0), ValueError, "low=1"),
        (lambda: DEPTH(8, gradient="bpda"), ValueError, "'bpda'"),
        (lambda: NOISE(-1), ValueError, "NoiseChannel: sigma"),
        (lambda: NOISE(math.nan), ValueError, "nan"),
        (lambda: NOISE(1, "salt"), ValueError, "'salt'"),
        (lambda: NOISE(1, generator=0), TypeError, "got 0"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert text in str(caught.value)
