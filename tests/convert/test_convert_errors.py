"""Errors of the in-place functions: named, of the right type, and nothing half-changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband

pb: Any = passband  # the tables break the types on purpose
HALF = pb.Band(keep=0.5)
X, X1 = torch.zeros(2, 4, 9, 8), torch.zeros(2, 4, 20)
NAN, INF = float("nan"), float("inf")


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3))


def band_net() -> nn.Sequential:
    model = net()
    pb.convert_(model, HALF)
    return model


def energy_net() -> nn.Sequential:
    model = net()
    pb.convert_(model, pb.Band(energy=0.9))
    return model


def half_net() -> nn.Sequential:
    model = net()
    pb.convert_(model[2], HALF)
    return model


def deny(name: str, module: nn.Module) -> bool:
    if name == "2":
        raise KeyError(f"no rule for {name!r}")
    return True


def stop() -> Iterator[Tensor]:
    yield X + 1
    raise OSError("disk 7 is gone")


Change = Callable[[Any], object]
IN_PLACE: list[tuple[str, Callable[[], nn.Module], Change, type[Exception], str]] = [
    ("convert: number", net, lambda m: pb.convert_(m, 0.5), TypeError, "0.5"),
    ("convert: None", net, lambda m: pb.convert_(m, None), TypeError, "None"),
    ("convert: plan", net, lambda m: pb.convert_(m, HALF, plan="gpu"), ValueError, "'gpu'"),
    (
        "convert: stride mode",
        net,
        lambda m: pb.convert_(m, HALF, stride_mode="no"),
        ValueError,
        "'no'",
    ),
    ("convert: where raises", net, lambda m: pb.convert_(m, HALF, where=deny), KeyError, "'2'"),
    (
        "convert: where no function",
        net,
        lambda m: pb.convert_(m, HALF, where="conv"),
        TypeError,
        "str",
    ),
    (
        "convert: example",
        net,
        lambda m: pb.convert_(m, HALF, example=X1),
        RuntimeError,
        "(1, 2, 4, 20)",
    ),
    (
        "convert: example too small",
        net,
        lambda m: pb.convert_(m, HALF, example=X[..., :4]),
        RuntimeError,
        "(2, 4, 7, 2)",
    ),
    (
        "convert: example and modes",
        net,
        lambda m: pb.convert_(m, pb.Band(modes=5), example=X),
        ValueError,
        "modes=5",
    ),
    (
        "convert: example and energy",
        net,
        lambda m: pb.convert_(m, pb.Band(energy=0.7), example=X),
        RuntimeError,
        "energy=0.7",
    ),
    (
        "convert: another band",
        band_net,
        lambda m: pb.convert_(m, pb.Band(keep=0.3)),
        ValueError,
        "keep=0.3",
    ),
    (
        "convert: another plan",
        band_net,
        lambda m: pb.convert_(m, HALF, plan="fft"),
        ValueError,
        "fft",
    ),
    ("convert: part", half_net, lambda m: pb.convert_(m, pb.Band(modes=2)), ValueError, "modes=2"),
    ("set: none band-limited", net, lambda m: pb.set_band_(m, HALF), ValueError, "Sequential"),
    ("set: number", band_net, lambda m: pb.set_band_(m, 0.25), TypeError, "0.25"),
    ("set: str", band_net, lambda m: pb.set_band_(m, "keep"), TypeError, "'keep'"),
    ("set: None", band_net, lambda m: pb.set_band_(m, None), TypeError, "None"),
    (
        "set: unknown name",
        band_net,
        lambda m: pb.set_band_(m, {"0": pb.Band(keep=1), "conv9": HALF}),
        ValueError,
        "'conv9'",
    ),
    (
        "set: no convolution",
        band_net,
        lambda m: pb.set_band_(m, {"0": pb.Band(keep=1), "1": HALF}),
        ValueError,
        "'1'",
    ),
    (
        "set: dict of numbers",
        band_net,
        lambda m: pb.set_band_(m, {"0": pb.Band(keep=1), "2": 0.75}),
        TypeError,
        "0.75",
    ),
    (
        "set: short list",
        band_net,
        lambda m: pb.set_band_(m, [pb.Band(keep=1)]),
        ValueError,
        "got 1",
    ),
    (
        "set: long list",
        band_net,
        lambda m: pb.set_band_(m, [pb.Band(keep=1)] * 3),
        ValueError,
        "got 3",
    ),
    (
        "set: list of numbers",
        band_net,
        lambda m: pb.set_band_(m, [pb.Band(keep=1), 0.75]),
        TypeError,
        "0.75",
    ),
    (
        "set: function of numbers",
        band_net,
        lambda m: pb.set_band_(m, lambda name, _: pb.Band(keep=1) if name == "0" else 0.75),
        TypeError,
        "0.75",
    ),
    (
        "set: function raises",
        band_net,
        lambda m: pb.set_band_(m, lambda name, _: {"0": pb.Band(keep=1)}[name]),
        KeyError,
        "'2'",
    ),
    ("calibrate: none", net, lambda m: pb.calibrate_(m, [X], 0.9), ValueError, "Sequential"),
    ("calibrate: no batches", energy_net, lambda m: pb.calibrate_(m, []), ValueError, "no data"),
    (
        "calibrate: empty batches",
        energy_net,
        lambda m: pb.calibrate_(m, [X[:0]]),
        ValueError,
        "no data",
    ),
    ("calibrate: nan", energy_net, lambda m: pb.calibrate_(m, [X, X * NAN]), ValueError, "'0'"),
    ("calibrate: inf", energy_net, lambda m: pb.calibrate_(m, [X + INF]), ValueError, "finite"),
    ("calibrate: energy", band_net, lambda m: pb.calibrate_(m, [X]), ValueError, "Band(keep=0.5)"),
    ("calibrate: 0", band_net, lambda m: pb.calibrate_(m, [X], 0), ValueError, "got 0"),
    ("calibrate: percent", band_net, lambda m: pb.calibrate_(m, [X], 95), ValueError, "95"),
    ("calibrate: nan share", band_net, lambda m: pb.calibrate_(m, [X], NAN), ValueError, "nan"),
    ("calibrate: str", band_net, lambda m: pb.calibrate_(m, [X], "a"), TypeError, "'a'"),
    ("calibrate: batch", energy_net, lambda m: pb.calibrate_(m, [{"x": 3}]), TypeError, "{'x': 3}"),
    ("calibrate: empty tuple", energy_net, lambda m: pb.calibrate_(m, [()]), TypeError, "()"),
    ("calibrate: int", energy_net, lambda m: pb.calibrate_(m, 5), TypeError, "int"),
    ("calibrate: dtype", energy_net, lambda m: pb.calibrate_(m, [X.int()]), RuntimeError, "int32"),
    (
        "calibrate: shape",
        energy_net,
        lambda m: pb.calibrate_(m, [X, X1]),
        RuntimeError,
        "2, 4, 20)",
    ),
    ("calibrate: data fails", energy_net, lambda m: pb.calibrate_(m, stop()), OSError, "disk 7"),
]


@pytest.mark.parametrize(
    ("make", "change", "error", "text"),
    [pytest.param(*row[1:], id=row[0]) for row in IN_PLACE],
)
def test_nothing_is_half_changed(
    make: Callable[[], nn.Module], change: Change, error: type[Exception], text: str
) -> None:
    model = make()
    model.get_submodule("1").eval()
    layout = repr(model)
    settings = [dict(vars(m)) for m in model.modules() if not list(m.children())]
    modes = [m.training for m in model.modules()]
    state = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(error, match=re.escape(text)) as caught:
        change(model)
    assert type(caught.value) is error
    assert repr(model) == layout
    after = [dict(vars(m)) for m in model.modules() if not list(m.children())]
    for before, now in zip(settings, after, strict=True):
        assert before.keys() == now.keys()
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())


FUNCTIONS: list[Callable[[Any], object]] = [
    lambda model: pb.convert_(model, HALF),
    pb.revert_,
    lambda model: pb.set_band_(model, HALF),
    lambda model: pb.calibrate_(model, [X], 0.9),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=["convert", "revert", "set_band", "calibrate"])
@pytest.mark.parametrize("model", [None, 3, [nn.Conv2d(3, 3, 3)], nn.Conv2d, "resnet18"], ids=str)
def test_what_is_no_model(function: Callable[[Any], object], model: object) -> None:
    with pytest.raises(TypeError, match=rf"Module; got {type(model).__name__}"):
        function(model)
