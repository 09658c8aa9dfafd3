"""set_band_: one band, by name, in order, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn

import passband as pb

Bands = pb.Band | Mapping[str, pb.Band] | Sequence[pb.Band] | Callable[..., pb.Band | None]
A, B, C = pb.Band(keep=0.5), pb.Band(keep=0.25), pb.Band(cutoff=0.3)


def model() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 1)),
        nn.ConvTranspose2d(4, 2, 3),
    )
    pb.convert_(net, A, plan="dft", stride_mode="spectral")
    return net


def by_width(name: str, module: nn.Module) -> pb.Band | None:
    assert isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    return None if module.in_channels == 3 else (B if name == "1.0" else C)


FORMS: list[tuple[str, Bands, tuple[pb.Band, ...]]] = [
    ("band", B, (B, B, B)),
    ("dict", {"1.0": B, "2": C}, (A, B, C)),
    ("empty dict", {}, (A, A, A)),
    ("list", [B, C, A], (B, C, A)),
    ("tuple", (C, B, A), (C, B, A)),
    ("function", by_width, (A, B, C)),
]


@pytest.mark.parametrize(("form", "bands", "expected"), FORMS, ids=[name for name, *_ in FORMS])
def test_every_form_and_twice(form: str, bands: Bands, expected: tuple[pb.Band, ...]) -> None:
    net, x = model(), torch.randn(1, 3, 12, 12)
    for _ in range(2):
        pb.set_band_(net, bands)
        layers = [net[0], net.get_submodule("1.0"), net[2]]
        assert tuple(layer.band for layer in layers) == expected
        assert {layer.plan for layer in layers} == {"dft"}, "plan and stride mode stay"
        assert {layer.stride_mode for layer in layers[:2]} == {"spectral"}
    first = net[0]
    assert isinstance(first, pb.nn.BandConv2d)
    y = pb.functional.band_conv2d(
        x, first.weight, first.bias, band=expected[0], plan="dft", stride_mode="spectral"
    )
    assert torch.equal(first(x), y)


def test_another_rate_for_inference_equals_converting_at_that_rate() -> None:
    x = torch.randn(1, 3, 12, 12)
    moved = model()
    pb.set_band_(moved, B)
    fresh = model()
    pb.revert_(fresh)
    pb.convert_(fresh, B, plan="dft", stride_mode="spectral")
    assert torch.equal(moved(x), fresh(x))
    pb.set_band_(moved, A)
    assert torch.equal(moved(x), model()(x))


def test_a_tied_module_answers_to_each_of_its_names() -> None:
    model = nn.Module()
    model.a = model.b = nn.Conv2d(3, 3, 3)
    pb.convert_(model, pb.Band(keep=0.5))
    pb.set_band_(model, {"b": pb.Band(keep=0.25)})
    assert model.a.band == pb.Band(keep=0.25)


def test_a_band_for_another_number_of_axes_changes_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Flatten(2), nn.Conv1d(3, 3, 3))
    with pytest.raises(ValueError, match=r"keep=\(0\.5, 0\.5\) has 2 entries, the map has 1"):
        pb.convert_(model, pb.Band(keep=(0.5, 0.5)))
    assert type(model[0]) is nn.Conv2d
    pb.convert_(model, pb.Band(keep=0.5))
    with pytest.raises(ValueError, match="2 entries"):
        pb.set_band_(model, pb.Band(keep=(0.5, 0.25)))
    assert {layer.band for layer in (model[0], model[2])} == {pb.Band(keep=0.5)}


def test_attributes_of_the_same_names_come_back() -> None:
    layer: Any = nn.Conv2d(3, 3, 3)
    layer.plan, layer.band = "mine", "also mine"
    pb.convert_(layer, pb.Band(keep=0.5))
    assert layer.plan == "auto"
    pb.revert_(layer)
    assert (layer.plan, layer.band) == ("mine", "also mine")
