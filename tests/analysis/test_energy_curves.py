"""Shares of energy in bands, against what band-limited layers keep and what calibrate_ sets."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import passband as pb
from passband.analysis import energy_curves, suggest_bands
from passband.lab import models
from passband.transforms.fourier import adjoint, analysis

ANY: Any = energy_curves
KEEPS = (0.1, 0.3, 0.6, 1.0)

LAYERS: list[tuple[nn.Module, tuple[int, ...]]] = [
    (nn.Conv1d(2, 3, 5, padding=2), (3, 2, 31)),
    (nn.Conv1d(2, 3, 5, padding=2, padding_mode="circular"), (3, 2, 30)),
    (nn.Conv2d(2, 4, 3, padding=1, stride=2, groups=2), (3, 2, 12, 9)),
    (nn.Conv2d(2, 3, 3, padding="same", dilation=2, padding_mode="reflect"), (3, 2, 12, 10)),
    (nn.Conv3d(2, 3, 3, padding=1), (2, 2, 5, 6, 4)),
    (nn.ConvTranspose2d(2, 3, 3, stride=2, output_padding=1), (3, 2, 5, 6)),
]


def smooth(*shape: int, seed: int = 0) -> Tensor:
    """Random maps with more energy in the low frequencies."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    for dim in range(2, len(shape)):
        x = x + 0.9 * x.roll(1, dim) + 0.5 * x.roll(2, dim)
    return x + 0.3


def kept_by_the_layer(layer: nn.Module, x: Tensor, band: pb.Band) -> float:
    """The share of the energy left when the rings of the map are low-passed, in space."""
    model = nn.Sequential(copy.deepcopy(layer))
    pb.convert_(model, band)
    one: Any = model[0]
    x, plan = one.prepared(x)
    axes = [axis.on(type(axis.grid)(0, 1, axis.length)) for axis in plan.geometry.source]
    passed = adjoint(analysis(x, plan.geometry.source), axes)
    return float(passed.double().square().sum() / x.double().square().sum())


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=[str(m) for m, _ in LAYERS])
@pytest.mark.parametrize("fft_size", ["minimal", "fast", "reference"])
def test_the_share_is_what_a_band_limited_layer_keeps(
    layer: nn.Module, shape: tuple[int, ...], fft_size: Any
) -> None:
    x = smooth(*shape)
    curve = energy_curves(nn.Sequential(layer), x, KEEPS, fft_size)["0"]
    assert curve.keeps == KEEPS
    wanted = [kept_by_the_layer(layer, x, pb.Band(keep=k, fft_size=fft_size)) for k in KEEPS]
    assert curve.shares == pytest.approx(wanted, rel=1e-4)
    assert curve.shares[-1] == pytest.approx(1)


def test_against_numpy() -> None:
    x = smooth(3, 2, 12, 9)
    curve = energy_curves(nn.Conv2d(2, 3, 3), x, KEEPS)[""]
    power = (np.abs(np.fft.fft2(x.double().numpy())) ** 2).sum((0, 1))
    rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in (12, 9))
    for keep, share in zip(KEEPS, curve.shares, strict=True):
        m, n = pb.Band(keep=keep).resolve((12, 9))
        inside = power[(rows[:, None] < m) & (columns < n)]
        assert share == pytest.approx(float(inside.sum() / power.sum()))


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=[str(m) for m, _ in LAYERS])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99, 1.0])
def test_suggested_bands_are_those_that_calibrate_sets(
    layer: nn.Module, shape: tuple[int, ...], share: float
) -> None:
    batches = [smooth(*shape), 2 * smooth(*shape, seed=1)]
    plain, banded = (nn.Sequential(copy.deepcopy(layer)) for _ in range(2))
    pb.convert_(banded, pb.Band(energy=share))
    suggested = suggest_bands(energy_curves(plain, batches), share)
    assert suggested == pb.calibrate_(banded, batches)
    assert suggested == suggest_bands(energy_curves(banded, batches), share)
    pb.convert_(plain, pb.Band(keep=1))
    pb.set_band_(plain, suggested)
    assert plain[0].band == suggested["0"]


@pytest.mark.parametrize("share", [0.8, 0.95])
def test_suggested_bands_are_those_of_a_band_by_energy(share: float) -> None:
    """The bins that Band(energy=..., dynamic=True) keeps of the same batch."""
    x = smooth(4, 2, 12, 9)
    layer = nn.Conv2d(2, 3, 3, padding=1)
    dynamic = nn.Sequential(copy.deepcopy(layer))
    pb.convert_(dynamic, pb.Band(energy=share, dynamic=True))
    one: Any = dynamic[0]
    kept = one.plan_for(x).geometry
    curves = energy_curves(nn.Sequential(layer), x)
    assert suggest_bands(curves, share)["0"].resolve(kept.lengths) == kept.modes


@pytest.mark.parametrize("cutoff", [1, 3, 7])
def test_data_below_a_cutoff_need_that_cutoff(cutoff: int) -> None:
    spectrum = torch.zeros(4, 2, 32, 17, dtype=torch.complex128)
    inside = torch.arange(-cutoff, cutoff + 1)
    spectrum[:, :, inside[:, None], torch.arange(cutoff + 1)] = torch.randn(
        4, 2, 2 * cutoff + 1, cutoff + 1, dtype=torch.complex128
    )
    x = torch.fft.irfft2(spectrum).float()
    model = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"))
    bands = suggest_bands(energy_curves(model, x), 1 - 1e-9)
    assert bands == {"0": pb.Band(cutoff=cutoff / 16)}


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.point = nn.Conv2d(4, 4, 1)
        self.second = nn.Conv2d(4, 3, 3, stride=2, padding=1)
        self.unused = nn.Conv2d(1, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.point(self.norm(self.first(x)).relu()))
        return y + torch.rand(()) * 0


def test_bands_in_force_do_not_hide_energy_and_nothing_changes() -> None:
    net = Deep().train()
    x = smooth(3, 2, 12, 10)
    plain = energy_curves(net, [(x, 1), (x, 2)])
    assert [layer.name for layer in plain.layers] == ["first", "point", "second"]
    assert [layer.convertible for layer in plain.layers] == [True, False, True]
    assert list(suggest_bands(plain)) == ["first", "second"]
    pb.convert_(net, pb.Band(keep=0.1, fft_size="fast"))
    text, chance = repr(net), torch.get_rng_state()
    state = copy.deepcopy(net.state_dict())
    banded = energy_curves(net, [(x, 1), (x, 2)])
    assert banded["point"].shares == pytest.approx(plain["point"].shares, rel=1e-4)
    assert banded["first"].fft_size == "fast"
    assert repr(net) == text
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(t, state[name]) for name, t in net.state_dict().items())
    assert all(m.training for m in net.modules())
    assert not any(m._forward_pre_hooks for m in net.modules())
    pb.set_band_(net, suggest_bands(banded))
    assert all(p.grad is None for p in net.parameters())


def test_pointwise_layers_that_are_band_limited_have_a_suggestion() -> None:
    net = Deep()
    pb.convert_(net, pb.Band(keep=1), pointwise=True)
    x = smooth(3, 2, 12, 10)
    assert suggest_bands(energy_curves(net, x), 0.9) == pb.calibrate_(net, [x], energy=0.9)


@pytest.mark.parametrize("kind", ["raises", "nan"])
def test_an_error_leaves_bands_and_hooks(kind: str) -> None:
    net = Deep().train()
    pb.convert_(net, pb.Band(keep=0.1))
    text = repr(net)
    bad = torch.full((1, 2, 8, 8), float("nan")) if kind == "nan" else torch.zeros(1, 5, 8, 8)
    with pytest.raises(ValueError if kind == "nan" else RuntimeError, match=r"first|channels"):
        energy_curves(net, [smooth(3, 2, 12, 10), bad])
    assert repr(net) == text
    assert not any(m._forward_pre_hooks for m in net.modules())
    assert net.training


def test_maps_of_several_sizes_are_pooled() -> None:
    layer = nn.Conv1d(1, 2, 3)
    small, large = smooth(2, 1, 12), smooth(3, 1, 30, seed=1)
    curve = energy_curves(layer, [small, large], (0.3,))[""]
    shares = [energy_curves(layer, x, (0.3,))[""].shares[0] for x in (small, large)]
    weights = [float(x.square().sum()) for x in (small, large)]
    assert curve.shares[0] == pytest.approx(float(np.average(shares, weights=weights)))
    assert curve.longest == 30


def test_a_spectral_network_has_curves_of_its_maps_alone() -> None:
    net: Any = models.create_model("spec_lenet5", num_classes=10, in_channels=1, image_size=8)
    with pytest.raises(ValueError, match="no data"):
        energy_curves(net, torch.randn(2, 1, 8, 8))
    both = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), net)
    found = energy_curves(both, torch.randn(2, 1, 8, 8))
    assert [layer.name for layer in found.layers] == ["0"]


def test_silence_has_no_share() -> None:
    curve = energy_curves(nn.Conv1d(1, 1, 3), torch.zeros(1, 1, 8), (0.5,))[""]
    assert np.isnan(curve.shares[0])


def test_curves_are_drawn() -> None:
    found = energy_curves(Deep(), smooth(3, 2, 12, 10), KEEPS)
    axes = found.draw(Figure().add_subplot())
    assert [line.get_label() for line in axes.lines] == ["first", "point", "second"]
    assert tuple(np.asarray(axes.lines[2].get_ydata())) == found["second"].shares
    with pytest.raises(KeyError, match="third"):
        found["third"]


X = torch.ones(1, 2, 8, 8)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: ANY(1, X), TypeError, "int"),
        (lambda: ANY(nn.Linear(2, 2), X), ValueError, "Linear"),
        (lambda: ANY(Deep(), []), ValueError, "no data"),
        (lambda: ANY(Deep(), ["x"]), TypeError, "'x'"),
        (lambda: ANY(Deep(), X, (50,)), ValueError, "50"),
        (lambda: ANY(Deep(), X, ("1",)), TypeError, "'1'"),
        (lambda: ANY(Deep(), X, fft_size="huge"), ValueError, "'huge'"),
        (lambda: suggest_bands(energy_curves(Deep(), X), 2), ValueError, "2"),
        (lambda: suggest_bands(ANY), TypeError, "function"),
    ],
)
def test_it_is_refused(call: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=re.escape(told)):
        call()
