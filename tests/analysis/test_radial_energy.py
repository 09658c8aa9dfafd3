"""Radial energy of maps whose answer is known, and against numpy's whole spectrum."""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

import passband as pb
from passband.analysis import RadialEnergy, radial_energy
from passband.functional.spectral.spectrum import SpectrumNorm
from passband.nn import ToSpectrum

ANY: Any = radial_energy
SPACES = [(1,), (2,), (8,), (9,), (6, 6), (7, 7), (6, 9), (5, 8), (4, 4, 4), (3, 4, 5), (1, 7)]


def brute_force(x: Tensor, lengths: tuple[int, ...]) -> tuple[list[float], list[float]]:
    """Energy and number of frequencies of each radius, every frequency written out."""
    spectrum = np.fft.fftn(x.double().numpy(), s=lengths, axes=tuple(range(2, x.dim())))
    power = (np.abs(spectrum) ** 2).sum((0, 1)) / math.prod(lengths)
    energy: dict[int, float] = {}
    points: dict[int, int] = {}
    for index in np.ndindex(*lengths):
        folded = (min(k, L - k) for k, L in zip(index, lengths, strict=True))
        fractions = [2 * k / L for k, L in zip(folded, lengths, strict=True)]
        radius = math.floor(round(math.hypot(*fractions) * max(lengths) / 2, 9) + 0.5)
        energy[radius] = energy.get(radius, 0) + float(power[index])
        points[radius] = points.get(radius, 0) + 1
    radii = range(max(energy) + 1)
    return [energy.get(r, 0.0) for r in radii], [points.get(r, 0) for r in radii]


@pytest.mark.parametrize("more", [0, 3])
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_against_numpy(space: tuple[int, ...], more: int) -> None:
    x = torch.randn(3, 2, *space, dtype=torch.float64)
    lengths = tuple(n + more for n in space)
    found = radial_energy(x, lengths)
    energy, points = brute_force(x, lengths)
    assert found.energy.tolist() == pytest.approx(energy)
    assert found.points.tolist() == points
    assert sum(points) == math.prod(lengths)
    step = 2 / max(lengths)
    assert found.frequencies.tolist() == pytest.approx([step * r for r in range(len(energy))])
    assert found.total == pytest.approx(float(x.square().sum())), "Parseval"


@pytest.mark.parametrize(
    ("k", "space", "radius"),
    [
        ((3,), (16,), 3), ((8,), (16,), 8), ((7,), (15,), 7), ((0,), (16,), 0),
        ((3, 4), (16, 16), 5), ((3, -4), (16, 16), 5), ((8, 8), (16, 16), 11),
        ((2, 0), (8, 16), 4), ((1, 3), (8, 16), 4), ((1, 2, 2), (8, 8, 8), 3),
    ],
    ids=str,
)  # fmt: skip
def test_a_wave_lies_in_one_radius(k: tuple[int, ...], space: tuple[int, ...], radius: int) -> None:
    grid = torch.meshgrid(*(torch.arange(n).double() for n in space), indexing="ij")
    turns = sum(one * at / n for one, at, n in zip(k, grid, space, strict=True))
    wave = torch.cos(2 * torch.pi * torch.as_tensor(turns))[None, None]
    found = radial_energy(wave)
    assert found.share[radius].item() == pytest.approx(1)
    assert found.total == pytest.approx(float(wave.square().sum()))
    assert found.mean_frequency == pytest.approx(float(found.frequencies[radius]))


def test_white_noise_is_flat() -> None:
    found = radial_energy(torch.randn(200, 4, 12, 12))
    # Of 800 maps, the energy of a real coefficient deviates by sqrt(2 / 800) = 0.05.
    assert found.density.tolist() == pytest.approx([800] * len(found.density), rel=0.2)
    assert found.relative.tolist() == pytest.approx([1] * len(found.density), rel=0.2)
    assert found.total == pytest.approx(800 * 144, rel=0.02)
    white = found.total / 144
    assert found.relative.tolist() == pytest.approx((found.density / white).tolist())


def test_a_delta_is_flat() -> None:
    x = torch.zeros(1, 1, 3, 3)
    x[..., 1, 2] = 2.0
    found = radial_energy(x, (9, 12))
    there = found.points > 0
    assert found.density[there].tolist() == pytest.approx([4 / 108] * int(there.sum()))
    assert found.relative[there].tolist() == pytest.approx([1.0] * int(there.sum()))
    assert found.density[~there].isnan().all()


@pytest.mark.parametrize("norm", ["ortho", "backward"])
def test_a_spectrum_has_the_energy_of_its_maps(norm: SpectrumNorm) -> None:
    x = torch.randn(2, 3, 6, 7)
    spectrum = ToSpectrum(margin=2, norm=norm)(x)
    found, wanted = radial_energy(spectrum), radial_energy(x, spectrum.lengths)
    assert found.energy.tolist() == pytest.approx(wanted.energy.tolist(), rel=1e-4)
    assert found.total == pytest.approx(float(x.square().sum()), rel=1e-5)


def test_dtypes_gradients_and_nothing() -> None:
    x = torch.randn(2, 3, 8, requires_grad=True)
    exact = radial_energy(x)
    assert not exact.energy.requires_grad
    assert exact.energy.dtype == torch.float64
    half = radial_energy(x.bfloat16())
    assert half.energy.tolist() == pytest.approx(exact.energy.tolist(), rel=0.05)
    none = radial_energy(torch.zeros(0, 3, 8))
    assert none.total == 0
    assert none.share.isnan().all()
    last = torch.randn(2, 3, 5, 6).to(memory_format=torch.channels_last)
    assert radial_energy(last).energy.tolist() == radial_energy(last.contiguous()).energy.tolist()


def test_results_share_nothing() -> None:
    radial_energy(torch.randn(1, 1, 8)).points.zero_()
    assert radial_energy(torch.randn(1, 1, 8)).points.tolist() == [1, 2, 2, 2, 1]


def test_it_is_drawn() -> None:
    found = radial_energy(torch.randn(4, 2, 8, 8))
    axes = found.draw(Figure().add_subplot(), "noise")
    (line,) = axes.lines
    assert line.get_xdata() == pytest.approx(found.frequencies.numpy())
    assert line.get_ydata() == pytest.approx(found.relative.numpy())
    assert axes.get_yscale() == "log"
    assert line.get_label() == "noise"
    nothing: RadialEnergy = radial_energy(torch.zeros(1, 1, 4))
    assert len(np.asarray(nothing.draw(Figure().add_subplot()).lines[0].get_xdata())) == 0


def test_without_axes_it_is_a_new_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import pyplot

    found = radial_energy(torch.randn(1, 1, 8))
    before = len(pyplot.get_fignums())
    axes = found.draw()
    assert len(pyplot.get_fignums()) == before + 1
    assert axes is pyplot.gca()
    pyplot.close()
    true_import = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return true_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=re.escape('pip install "passband[lab]"')):
        found.draw()


X = torch.zeros(1, 1, 4)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: ANY(X.int()), TypeError, "torch.int32"),
        (lambda: ANY([1.0]), TypeError, "list"),
        (lambda: ANY(X[0]), RuntimeError, "(1, 4)"),
        (lambda: ANY(X[..., :0]), RuntimeError, "(1, 1, 0)"),
        (lambda: ANY(torch.zeros(1, 1, 2, 2, 2, 2)), RuntimeError, "(1, 1, 2, 2, 2, 2)"),
        (lambda: ANY(X, (3,)), ValueError, "(3,)"),
        (lambda: ANY(X, (4, 4)), ValueError, "(4, 4)"),
        (lambda: ANY(ToSpectrum(margin=1)(X), (6,)), ValueError, "(6,)"),
    ],
)
def test_it_is_refused(call: Callable[[], object], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=re.escape(told)):
        call()


def test_it_is_public() -> None:
    assert pb.analysis.radial_energy is radial_energy
