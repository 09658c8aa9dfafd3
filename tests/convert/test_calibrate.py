"""calibrate_ against the energy of the whole spectrum, by numpy."""

from __future__ import annotations

import copy
import itertools
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import passband as pb

Rings = tuple[int, ...]


def brute_force(maps: list[tuple[Tensor, Rings]], share: float) -> float:
    """The smallest cutoff that keeps this share of the maps' energy, each on rings of its own."""
    energy: dict[Fraction, float] = defaultdict(float)
    for x, rings in maps:
        dims = len(rings)
        widths = [(0, 0), (0, 0), *[(0, L - n) for L, n in zip(rings, x.shape[2:], strict=True)]]
        spectrum = np.fft.fftn(np.pad(x.double().numpy(), widths), axes=range(2, 2 + dims))
        power = (np.abs(spectrum) ** 2).sum(axis=(0, 1)) / np.prod(rings)
        for index in np.ndindex(*rings):
            cutoffs = (Fraction(2 * min(k, L - k), L) for k, L in zip(index, rings, strict=True))
            energy[max(cutoffs)] += power[index]
    total = sum(energy.values())
    assert total == pytest.approx(sum(float(x.double().square().sum()) for x, _ in maps)), (
        "Parseval"
    )
    passed = 0.0
    for cutoff in sorted(energy):
        passed += energy[cutoff]
        if passed >= share * total:
            return float(cutoff)
    raise AssertionError("the energy adds up to all of it")


def smooth(*shape: int, seed: int = 0) -> Tensor:
    """Random maps with more energy in the low frequencies."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    for dim in range(2, len(shape)):
        x = x + 0.9 * x.roll(1, dim) + 0.5 * x.roll(2, dim)
    return x + 0.3


CASES: list[tuple[nn.Module, tuple[int, ...], Rings]] = [
    (nn.Conv1d(2, 3, 5, padding=2), (3, 2, 30), (32,)),
    (nn.Conv1d(2, 3, 5, padding=2, padding_mode="circular"), (3, 2, 31), (31,)),
    (nn.Conv2d(2, 3, 3), (3, 2, 12, 9), (12, 9)),
    (nn.Conv2d(2, 3, 3, padding=1), (3, 2, 12, 9), (13, 10)),
    (nn.Conv2d(2, 3, 3, padding=1, stride=2), (3, 2, 12, 9), (13, 10)),
    (nn.Conv3d(2, 3, 3, padding=1), (2, 2, 5, 6, 4), (6, 7, 5)),
]


@pytest.mark.parametrize(("layer", "shape", "rings"), CASES, ids=[str(m) for m, *_ in CASES])
@pytest.mark.parametrize("share", [0.3, 0.8, 0.95, 0.999])
def test_one_layer(layer: nn.Module, shape: tuple[int, ...], rings: Rings, share: float) -> None:
    model = nn.Sequential(copy.deepcopy(layer))
    pb.convert_(model, pb.Band(energy=share))
    x = smooth(*shape)
    expected = brute_force([(x, rings)], share)
    band = pb.Band(cutoff=expected or 1 / max(rings))
    assert pb.calibrate_(model, [x]) == {"0": band}
    assert model[0].band == band


def test_all_of_the_energy_needs_every_frequency() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 3, padding_mode="circular", padding=1))
    pb.convert_(model, pb.Band(energy=1))
    x = torch.randn(4, 1, 32)
    assert pb.calibrate_(model, [x]) == {"0": pb.Band(cutoff=1)}
    torch.testing.assert_close(model(x), pb.revert_(model) and model(x))


def test_a_wave_needs_its_own_frequency_and_no_more() -> None:
    t = torch.arange(40) / 40
    model = nn.Sequential(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"))
    pb.convert_(model, pb.Band(energy=0.999))
    for k in (1, 5, 20):
        wave = torch.cos(2 * torch.pi * k * t)[None, None]
        pb.set_band_(model, pb.Band(energy=0.999))
        assert pb.calibrate_(model, [wave]) == {"0": pb.Band(cutoff=k / 20)}
        assert pb.Band(cutoff=k / 20).resolve((40,)) == (k + 1,)


def test_energy_is_pooled_over_batches_and_sizes() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1))
    batches = [smooth(1, 2, 12, 9), 3 * smooth(4, 2, 8, 16, seed=1), smooth(2, 2, 5, 5, seed=2)]
    maps = [(x, tuple(n + 1 for n in x.shape[2:])) for x in batches]
    for share in (0.4, 0.9, 0.99):
        pb.revert_(model)
        pb.convert_(model, pb.Band(energy=share))
        found = pb.calibrate_(model, iter(batches))
        assert found["0"].cutoff == brute_force(maps, share)
    pb.set_band_(model, pb.Band(energy=0.9))
    one_by_one = pb.calibrate_(model, [x[i] for x in batches for i in range(len(x))])  # unbatched
    assert one_by_one["0"].cutoff == brute_force(maps, 0.9)


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.second = nn.Conv2d(4, 3, 3, stride=2, padding=1)
        self.unused = nn.Conv2d(1, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.drop(self.norm(self.first(x)).relu()))
        return y


def test_deeper_layers_see_unlimited_maps_in_eval_mode() -> None:
    model = Deep()
    plain = copy.deepcopy(model).eval()
    pb.convert_(model, pb.Band(keep=0.1, fft_size="fast"))
    x = smooth(3, 2, 12, 10)
    found = pb.calibrate_(model, [(x, torch.zeros(3))], energy=0.9)
    assert list(found) == ["first", "second"], "a layer that saw nothing keeps its band"
    assert isinstance(model.unused, pb.nn.BandConv2d)
    assert model.unused.band == pb.Band(keep=0.1, fft_size="fast")
    with torch.no_grad():
        inner = plain.norm(plain.first(x)).relu()
    rings = (14, 12)  # 13 and 11 points, rounded up to smooth lengths
    for name, seen in (("first", x), ("second", inner)):
        expected = brute_force([(seen, rings)], 0.9)
        assert found[name] == pb.Band(cutoff=expected, fft_size="fast")


def test_each_layer_has_its_own_share_unless_one_is_given() -> None:
    x = smooth(3, 2, 12, 10)
    model = Deep()
    pb.convert_(model, pb.Band(energy=0.5), where=lambda name, _: name != "unused")
    pb.set_band_(model, {"second": pb.Band(energy=0.99)})
    found = pb.calibrate_(model, [x])
    assert found["first"].cutoff == brute_force([(x, (13, 11))], 0.5)
    assert found["second"].cutoff is not None
    pb.set_band_(model, pb.Band(energy=0.5))
    again = pb.calibrate_(model, [x], energy=0.99)
    assert again["second"] == found["second"]
    assert again["first"].cutoff == brute_force([(x, (13, 11))], 0.99)


def test_calibrated_bands_are_frozen() -> None:
    model = Deep()
    pb.convert_(model, pb.Band(energy=0.8))
    found = pb.calibrate_(model, [smooth(3, 2, 12, 10)], energy=0.8)
    noise = torch.randn(3, 2, 12, 10)
    model(noise)
    assert isinstance(model.first, pb.nn.BandConv2d)
    assert model.first.band == found["first"]
    assert model.first.plan_for(noise).geometry.modes == found["first"].resolve((13, 11))
    assert not found["first"].dynamic


def test_nothing_but_the_bands_changes() -> None:
    model = Deep().train()
    model.norm.eval()
    pb.convert_(model, pb.Band(energy=0.8))
    state = {name: t.clone() for name, t in model.state_dict().items()}
    pb.calibrate_(model, [smooth(3, 2, 12, 10)])
    assert all(torch.equal(t, state[name]) for name, t in model.state_dict().items())
    assert [m.training for m in model.modules()] == [m is not model.norm for m in model.modules()]
    assert all(not m._forward_pre_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())


def broken(kind: str) -> Iterator[object]:
    yield smooth(3, 2, 12, 10)
    if kind == "raises":
        raise OSError("the disk is gone")
    if kind == "nan":
        yield torch.full((3, 2, 12, 10), float("nan"))
    if kind == "inf":
        yield torch.full((3, 2, 12, 10), float("inf"))
    if kind == "channels":
        yield smooth(3, 5, 12, 10)
    if kind == "no tensor":
        yield {"x": 1}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("raises", OSError), ("nan", ValueError), ("inf", ValueError), ("channels", RuntimeError),
        ("no tensor", TypeError),
    ],
)  # fmt: skip
def test_an_error_leaves_bands_modes_and_hooks_as_they_were(
    kind: str, error: type[Exception]
) -> None:
    model = Deep().train()
    model.norm.eval()
    pb.convert_(model, pb.Band(energy=0.8))
    text = repr(model)
    with pytest.raises(error):
        pb.calibrate_(model, broken(kind))
    assert repr(model) == text
    assert [m.training for m in model.modules()] == [m is not model.norm for m in model.modules()]
    assert all(not m._forward_pre_hooks for m in model.modules())


PaddingMode = Literal["zeros", "circular", "reflect", "replicate"]


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
def test_a_dynamic_band_is_that_of_calibrating_on_the_batch(
    mode: PaddingMode, share: float
) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, 3, padding=3, padding_mode=mode)
    pb.convert_(layer, pb.Band(energy=share, dynamic=True))
    assert isinstance(layer, pb.nn.BandConv2d)
    for seed in range(6):
        x = smooth(2, 2, 9, 8, seed=seed)
        x[..., 0] += 5  # reflections and repetitions weigh differently from zeros
        y, modes = layer(x), layer.plan_for(x).geometry.modes
        fixed = copy.deepcopy(layer)
        pb.calibrate_(fixed, [x])
        assert fixed.plan_for(x).geometry.modes == modes
        assert torch.equal(fixed(x), y)


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
@pytest.mark.parametrize("how", ["dynamic", "calibrated"])
def test_reflections_and_repetitions_are_part_of_the_map(mode: PaddingMode, how: str) -> None:
    # DESIGN section 3: they are padded in space first, so their energy counts
    layer = nn.Conv2d(2, 3, 3, padding=3, padding_mode=mode)
    for share, seed in itertools.product((0.5, 0.9, 0.97), range(4)):
        x = smooth(2, 2, 9, 8, seed=seed)
        x[..., 0] += 5
        padded = nn.functional.pad(x, (3, 3, 3, 3), mode)
        modes = pb.Band(cutoff=brute_force([(padded, (15, 14))], share)).resolve((15, 14))
        pb.convert_(layer, pb.Band(energy=share, dynamic=how == "dynamic"))
        if how == "calibrated":
            pb.calibrate_(layer, [x])
        assert isinstance(layer, pb.nn.BandConv2d)
        assert layer.plan_for(x).geometry.modes == modes
        pb.revert_(layer)


def test_a_dynamic_band_follows_the_batch() -> None:
    t = torch.arange(40) / 40
    layer = nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular")
    pb.convert_(layer, pb.Band(energy=0.9, dynamic=True))
    assert isinstance(layer, pb.nn.BandConv1d)
    for k in (2, 9, 4):
        wave = torch.cos(2 * torch.pi * k * t)[None, None]
        assert layer.plan_for(wave).geometry.modes == (k + 1,)
        spatial = nn.functional.conv1d(
            nn.functional.pad(wave, (1, 1), "circular"), layer.weight, layer.bias
        )
        torch.testing.assert_close(layer(wave), spatial)


def test_a_layer_called_by_keyword_is_calibrated() -> None:
    class Keyword(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(2, 3, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(input=x)
            return y

    model, x = Keyword(), smooth(3, 2, 30)
    pb.convert_(model, pb.Band(energy=0.9))
    found = pb.calibrate_(model, [x])
    assert found == {"conv": pb.Band(cutoff=brute_force([(x, (30,))], 0.9))}
