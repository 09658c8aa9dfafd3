"""bandlimited(): every convolution in a scope, whoever calls it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb

HALF, QUARTER = pb.Band(keep=0.5), pb.Band(keep=0.25)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 6, 5, stride=2, padding="valid", groups=2, bias=False),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 4, 4, stride=2, output_padding=1),
        nn.Conv2d(4, 4, 1),
        nn.Conv2d(4, 2, 3, padding="same", dilation=2),
    ).eval()


X = torch.randn(2, 3, 14, 13, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("pointwise", [False, True])
@pytest.mark.parametrize("plan", ["auto", "fft", "dft", "spatial"])
def test_it_is_the_converted_model_and_leaves_no_trace(plan: str, pointwise: bool) -> None:
    model = network()
    text, before = repr(model), model(X)
    converted = copy.deepcopy(model)
    pb.convert_(converted, QUARTER, plan=plan, pointwise=pointwise)  # type: ignore[arg-type]
    with pb.bandlimited(QUARTER, plan=plan, pointwise=pointwise):  # type: ignore[arg-type]
        inside = model(X)
    assert torch.equal(inside, converted(X))
    assert repr(model) == text
    assert torch.equal(model(X), before)


def test_gradients_are_those_of_the_converted_model_also_when_taken_outside() -> None:
    model = network()
    converted = copy.deepcopy(model)
    pb.convert_(converted, HALF)
    with pb.bandlimited(HALF):
        loss = model(X).square().sum()
    loss.backward()
    converted(X).square().sum().backward()
    for p, q in zip(model.parameters(), converted.parameters(), strict=True):
        assert p.grad is not None
        assert q.grad is not None
        assert torch.equal(p.grad, q.grad)


W3, W1, B4 = torch.randn(4, 3, 3, 3), torch.randn(4, 3, 1, 1), torch.randn(4)
LINE, LW = torch.randn(2, 3, 40), torch.randn(4, 3, 7)
CUBE, CW = torch.randn(1, 2, 5, 6, 7), torch.randn(3, 2, 3, 3, 3)
f = pb.functional

CALLS: list[tuple[str, Callable[[], Tensor], Callable[[pb.Band], Tensor]]] = [
    ("F.conv1d", lambda: F.conv1d(LINE, LW), lambda b: f.band_conv1d(LINE, LW, band=b)),
    ("F.conv2d", lambda: F.conv2d(X, W3), lambda b: f.band_conv2d(X, W3, band=b)),
    ("F.conv3d", lambda: F.conv3d(CUBE, CW), lambda b: f.band_conv3d(CUBE, CW, band=b)),
    (
        "positional",
        lambda: F.conv2d(X, W3, B4, 2, 1, 1, 1),
        lambda b: f.band_conv2d(X, W3, B4, 2, 1, 1, 1, band=b),
    ),
    (
        "by keyword",
        lambda: F.conv2d(input=X, weight=W3, bias=B4, padding="same", dilation=(2, 1)),
        lambda b: f.band_conv2d(X, W3, B4, padding="same", dilation=(2, 1), band=b),
    ),
    (
        "torch.conv2d",
        lambda: torch.conv2d(X, W3, padding=(1, 2)),
        lambda b: f.band_conv2d(X, W3, padding=(1, 2), band=b),
    ),
    ("torch.conv1d", lambda: torch.conv1d(LINE, LW), lambda b: f.band_conv1d(LINE, LW, band=b)),
    (
        "F.conv_transpose1d",
        lambda: F.conv_transpose1d(LINE, LW.transpose(0, 1), stride=2, output_padding=1),
        lambda b: f.band_conv_transpose1d(
            LINE, LW.transpose(0, 1), stride=2, output_padding=1, band=b
        ),
    ),
    (
        "torch.conv_transpose2d",
        lambda: torch.conv_transpose2d(X, W3.transpose(0, 1), dilation=2),
        lambda b: f.band_conv_transpose2d(X, W3.transpose(0, 1), dilation=2, band=b),
    ),
    (
        "F.conv_transpose3d",
        lambda: F.conv_transpose3d(CUBE, weight=CW.transpose(0, 1), padding=1),
        lambda b: f.band_conv_transpose3d(CUBE, CW.transpose(0, 1), padding=1, band=b),
    ),
    ("unbatched", lambda: F.conv2d(X[0], W3), lambda b: f.band_conv2d(X[0], W3, band=b)),
    (
        "band_conv2d",
        lambda: f.band_conv2d(X, W3, band=HALF),
        lambda b: f.band_conv2d(X, W3, band=b),
    ),
]


@pytest.mark.parametrize(("name", "call", "expected"), CALLS, ids=[name for name, *_ in CALLS])
def test_functional_calls(
    name: str, call: Callable[[], Tensor], expected: Callable[[pb.Band], Tensor]
) -> None:
    outside = call()
    with pb.bandlimited(QUARTER):
        inside = call()
    assert torch.equal(inside, expected(QUARTER))
    assert not torch.equal(inside, outside)
    assert torch.equal(call(), outside)


@pytest.mark.parametrize(
    "call", [lambda: F.conv2d(X, W1), lambda: F.conv2d(input=X, weight=W1), lambda: F.relu(X)]
)
def test_pointwise_convolutions_and_other_functions_are_left_alone(
    call: Callable[[], Tensor],
) -> None:
    with pb.bandlimited(QUARTER):
        assert torch.equal(call(), call())
        inside = call()
    assert torch.equal(inside, call())
    with pb.bandlimited(QUARTER, pointwise=True):
        assert torch.equal(F.conv2d(X, W1), f.band_conv2d(X, W1, band=QUARTER))


def test_padding_in_space_is_part_of_the_map() -> None:
    layer = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")
    with pb.bandlimited(QUARTER):
        inside = layer(X)
    padded = F.pad(X, (1, 1, 1, 1), "circular")
    assert torch.equal(inside, f.band_conv2d(padded, layer.weight, layer.bias, band=QUARTER))


def test_layers_that_are_band_limited_take_the_scopes_band_and_keep_the_rest() -> None:
    torch.manual_seed(0)
    layer = pb.nn.BandConv2d(
        3, 4, 3, padding=1, stride=2, padding_mode="reflect", band=HALF, stride_mode="spectral"
    )
    expected = f.band_conv2d(
        X, layer.weight, layer.bias, 2, 1, band=QUARTER, plan="dft", padding_mode="reflect",
        stride_mode="spectral",
    )  # fmt: skip
    with pb.bandlimited(QUARTER, plan="dft"):
        assert torch.equal(layer(X), expected)
    assert layer.band == HALF
    point = pb.nn.BandConv2d(3, 4, 1, band=HALF)
    with pb.bandlimited(QUARTER):
        inside = point(X)
    assert torch.equal(inside, f.band_conv2d(X, point.weight, point.bias, band=QUARTER))


def test_the_inner_scope_counts() -> None:
    half, quarter = (f.band_conv2d(X, W3, band=band) for band in (HALF, QUARTER))
    with pb.bandlimited(HALF):
        with pb.bandlimited(QUARTER):
            inner = F.conv2d(X, W3), f.band_conv2d(X, W3, band=pb.Band(keep=1))
        outer = F.conv2d(X, W3)
    assert torch.equal(outer, half)
    assert all(torch.equal(y, quarter) for y in inner)


def test_an_inner_scope_that_keeps_everything_is_the_plain_model() -> None:
    model = network()
    plain = model(X)
    with pb.bandlimited(QUARTER), pb.bandlimited(pb.Band(keep=1)):
        inside = model(X)
    assert torch.equal(inside, plain)


def test_an_exception_ends_the_scope() -> None:
    plain = F.conv2d(X, W3)
    with pytest.raises(KeyError), pb.bandlimited(QUARTER):
        raise KeyError("mine")
    assert torch.equal(F.conv2d(X, W3), plain)
    with pytest.raises(RuntimeError, match="channels"), pb.bandlimited(QUARTER):
        F.conv2d(X, W3[:, :2])
    assert torch.equal(F.conv2d(X, W3), plain)


def test_a_scope_may_be_entered_again() -> None:
    scope = pb.bandlimited(QUARTER)
    for _ in range(2):
        with scope:
            inside = F.conv2d(X, W3)
        assert torch.equal(inside, f.band_conv2d(X, W3, band=QUARTER))


def test_a_dynamic_energy_band_in_a_scope() -> None:
    band = pb.Band(energy=0.8, dynamic=True)
    with pb.bandlimited(band):
        inside = F.conv2d(X, W3)
    assert torch.equal(inside, f.band_conv2d(X, W3, band=band))


def test_with_the_meter_of_saved_bytes() -> None:
    x, w = X.clone().requires_grad_(), nn.Parameter(W3.clone())

    def fn() -> Tensor:
        with pb.bandlimited(QUARTER):
            return F.conv2d(x, w)

    direct = pb.memory.saved(lambda: f.band_conv2d(x, w, band=QUARTER))
    assert pb.memory.saved(fn).by_kind == direct.by_kind


def test_an_inner_scope_that_leaves_pointwise_alone_decides_it() -> None:
    generator = torch.Generator().manual_seed(9)
    x, w = (
        torch.randn(1, 3, 8, 8, generator=generator),
        torch.randn(4, 3, 1, 1, generator=generator),
    )
    with pb.bandlimited(pb.Band(keep=0.1), pointwise=True), pb.bandlimited(pb.Band(keep=0.7)):
        inner = F.conv2d(x, w)
    assert torch.equal(inner, F.conv2d(x, w))
