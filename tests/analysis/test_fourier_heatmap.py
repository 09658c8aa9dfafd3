"""Fourier heat maps of models whose answer is known, and what else they may not change."""

from __future__ import annotations

import copy
import math
import sys
from itertools import product
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.analysis import FourierHeatmap, fourier_heatmap
from passband.lab.models import create_model

mpl.use("agg")
F64 = torch.float64


def wave(space: tuple[int, ...], k: tuple[int, ...], phase: float = 0.0) -> npt.NDArray[np.float64]:
    """A cosine of norm 1."""
    at = np.meshgrid(*(np.arange(n) for n in space), indexing="ij")
    turns = sum(f * p / n for f, p, n in zip(k, at, space, strict=True))
    cosine = np.cos(2 * np.pi * turns + phase)
    return np.asarray(cosine / np.linalg.norm(cosine))


class Reader(nn.Module):
    """Class 0 unless the map holds more than `margin` of a wave, in either direction."""

    def __init__(self, filters: npt.NDArray[np.float64], margin: float) -> None:
        super().__init__()
        self.flat = nn.Linear(filters.size, 3, dtype=F64)
        row = torch.from_numpy(filters.reshape(-1))
        with torch.no_grad():
            self.flat.weight.copy_(torch.stack((0 * row, row, -row)))
            self.flat.bias.copy_(torch.tensor([margin, 0, 0]))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.flat(x.flatten(1))
        return out


def zeros(*shape: int) -> list[tuple[Tensor, Tensor]]:
    return [(torch.zeros(shape, dtype=F64), torch.zeros(shape[0], dtype=torch.long))]


@pytest.mark.parametrize("space", [(6,), (7,), (4, 5), (3, 3), (2, 6), (1, 4), (3, 2, 4)], ids=str)
def test_a_linear_model_errs_at_its_own_frequency_alone(space: tuple[int, ...]) -> None:
    for k in product(*(range(n) for n in space)):
        model = Reader(wave(space, k), margin=1.0)
        expected = np.zeros(space)
        for sign in (1, -1):
            expected[tuple(sign * f % n for f, n in zip(k, space, strict=True))] = 1
        found = fourier_heatmap(model, zeros(3, 1, *space), norm=1.001)
        np.testing.assert_array_equal(found.error.numpy(), np.fft.fftshift(expected))
        assert (found.clean_error, found.norm) == (0, 1.001)
        # a little less, and it errs nowhere
        assert not fourier_heatmap(model, zeros(3, 1, *space), norm=0.999).error.any()


def test_the_mean_is_in_the_middle() -> None:
    for space in [(4, 4), (5, 5), (4, 5)]:
        error = fourier_heatmap(Reader(wave(space, (0, 0)), 1), zeros(2, 1, *space), norm=2).error
        assert error.nonzero().tolist() == [[n // 2 for n in space]]


def test_waves_are_cosines() -> None:
    # the sine of a frequency is never seen
    model = Reader(wave((6, 6), (1, 2), math.pi / 2), margin=1e-9)
    assert not fourier_heatmap(model, zeros(2, 1, 6, 6), norm=100).error.any()


def test_a_filter_of_several_waves_errs_where_its_gain_is_high_enough() -> None:
    gains = {(0, 0): 0.5, (1, 2): 1.0, (3, 0): 2.0, (0, 3): 4.0}
    filters = sum(gain * wave((6, 6), k) for k, gain in gains.items())
    model = Reader(np.asarray(filters), margin=1.0)
    for norm in (0.3, 0.7, 1.5, 3.0):
        expected = np.zeros((6, 6))
        for k, gain in gains.items():
            for sign in (1, -1):
                expected[sign * k[0] % 6, sign * k[1] % 6] = gain * norm > 1
        found = fourier_heatmap(model, zeros(2, 1, 6, 6), norm=norm).error
        np.testing.assert_array_equal(found.numpy(), np.fft.fftshift(expected))


def test_against_a_loop_over_frequencies() -> None:
    space = (5, 6)
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(2, 4, 3, dtype=F64), nn.Tanh(), nn.Flatten(),
                          nn.Linear(48, 3, dtype=F64))  # fmt: skip

    class Even(nn.Module):  # blind to signs, which are drawn
        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = inner(x.square())
            return out

    labels = torch.arange(12) % 3
    expected = np.zeros(space)
    for k in product(*(range(n) for n in space)):
        x = torch.from_numpy(3 * wave(space, k)).expand(12, 2, *space)
        expected[k] = (inner(x.square()).argmax(1) != labels[:12]).double().mean().item()
    assert expected.std() > 0
    maps = torch.zeros(12, 2, *space, dtype=F64)
    found = fourier_heatmap(Even(), [(maps, labels)], norm=3)
    np.testing.assert_allclose(found.error.numpy(), np.fft.fftshift(expected), rtol=1e-15)


class Watcher(nn.Module):
    """Keeps what goes through it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        self.seen.append(x)
        return torch.stack((x.flatten(1).sum(1), x.flatten(1).amax(1)), 1)


@pytest.mark.parametrize(("space", "pairs"), [((4, 6), 14), ((5, 5), 13), ((8,), 5), ((7,), 4)])
def test_each_pair_goes_through_once_with_a_sign_for_each_map_and_channel(
    space: tuple[int, ...], pairs: int
) -> None:
    x = torch.randn(40, 3, *space, dtype=F64, generator=torch.Generator().manual_seed(0))
    model = Watcher()
    fourier_heatmap(model, [(x, torch.zeros(40, dtype=torch.long))], norm=2.5, batch_size=100)
    assert max(len(part) for part in model.seen) <= 100
    clean, *perturbed = model.seen
    assert torch.equal(clean, x)
    # so many waves of each map in a row
    noisy = torch.cat([part.view(40, -1, 3, *space) for part in perturbed], 1)
    noise = (noisy.transpose(0, 1) - x).flatten(3)
    assert len(noise) == pairs
    torch.testing.assert_close(noise.norm(dim=3), torch.full((pairs, 40, 3), 2.5, dtype=F64))
    # all are plus or minus the same wave, by even chances, and independently of one another
    signs = (noise * noise[:, :1, :1]).sum(3) / 2.5**2
    torch.testing.assert_close(signs.abs(), torch.ones_like(signs))
    signs = noise[..., 0].sign()  # a cosine begins at its top
    assert abs(signs.mean().item()) < 4 / math.sqrt(signs.numel())
    for moved in (signs.roll(1, 0), signs.roll(1, 1), signs.roll(1, 2)):
        assert abs((signs * moved).mean().item()) < 4 / math.sqrt(signs.numel())


def trained_or_not() -> tuple[nn.Sequential, Tensor, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(),
                          nn.Flatten(), nn.Linear(6 * 16, 4))  # fmt: skip
    return model, torch.randn(30, 2, 6, 6), torch.randint(4, (30,))


def test_how_maps_are_batched_does_not_matter() -> None:
    model, x, y = trained_or_not()
    whole = fourier_heatmap(model, [(x, y)], norm=5)
    for batch_size in (1, 7, 30, 64, 10_000):
        found = fourier_heatmap(model, [(x, y)], norm=5, batch_size=batch_size)
        assert torch.equal(found.error, whole.error)
        assert found.clean_error == whole.clean_error
    assert not torch.equal(fourier_heatmap(model, [(x, y)], norm=5, seed=1).error, whole.error)
    # over batches, one of them empty, samples are counted, not batches
    parts = [[x[:7], y[:7]], [x[:0], y[:0]], [x[7:], y[7:]]]
    split = fourier_heatmap(model, iter(parts), norm=0)
    assert (split.error == split.clean_error).all()
    assert split.clean_error == whole.clean_error


def test_the_model_stays_as_it_is() -> None:
    model, x, y = trained_or_not()
    model[3].eval()
    before, modes = copy.deepcopy(model.state_dict()), [m.training for m in model.modules()]
    random = torch.get_rng_state()
    found = fourier_heatmap(model, [(x, y)], norm=5)
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    model.eval()
    assert found.clean_error == (model(x).argmax(1) != y).double().mean().item()
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        fourier_heatmap(model.train(), [(torch.zeros(2, 2, 9, 9), y[:2])], norm=5)
    assert model.training


def test_a_converted_model_has_one_too() -> None:
    torch.manual_seed(0)
    model = create_model("lenet5", num_classes=10, in_channels=1, image_size=28)
    x, y = torch.rand(4, 1, 28, 28), torch.randint(10, (4,))
    plain = fourier_heatmap(model, [(x, y)], norm=8)
    pb.convert_(model, pb.Band(keep=0.1))
    found = pb.analysis.fourier_heatmap(model, [(x, y)], norm=8)
    assert found.error.shape == plain.error.shape == (28, 28)
    pb.revert_(model)
    assert torch.equal(fourier_heatmap(model, [(x, y)], norm=8).error, plain.error)
    # the mirror of each frequency has the same rate
    inner = plain.error[1:, 1:]
    assert torch.equal(inner, inner.flip((0, 1)))


def test_drawings() -> None:
    from matplotlib import pyplot

    error = torch.arange(20, dtype=F64).view(4, 5) / 20
    axes = FourierHeatmap(error, 0.1, 2.0).draw()
    (image,) = axes.get_images()
    np.testing.assert_allclose(np.asarray(image.get_array()), 100 * error.numpy())
    # pixels are centred on whole frequencies: -2 to 1 down, -2 to 2 across
    assert tuple(image.get_extent()) == (-2.5, 2.5, 1.5, -2.5)
    figure, (left, right) = pyplot.subplots(1, 2)
    curve = torch.tensor([0.4, 0.3, 0.1, 0.3], dtype=F64)  # Nyquist, 1, the mean, 1
    assert FourierHeatmap(curve, 0.1, 2.0).draw(left) is left
    assert np.asarray(left.lines[0].get_xydata()).tolist() == [[0, 10], [1, 30], [2, 40]]
    FourierHeatmap(torch.tensor([0.3, 0.1, 0.3]), 0.1, 2.0).draw(right)
    np.testing.assert_allclose(np.asarray(right.lines[0].get_xydata()), [[0, 10], [1, 30]])
    figure.canvas.draw()
    pyplot.close("all")
    with pytest.raises(ValueError, match=r"\(2, 2, 2\)"):
        FourierHeatmap(torch.zeros(2, 2, 2), 0, 1).draw()


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [m for m in sys.modules if m.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "passband\[lab\]"'):
        FourierHeatmap(torch.zeros(2, 2), 0, 1).draw()


MAP: Any = fourier_heatmap
X, Y = torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.long)
NET = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: MAP(len, [(X, Y)], 1), TypeError, "builtin"),
        (lambda: MAP(NET, [(X, Y)], -1), ValueError, "-1"),
        (lambda: MAP(NET, [(X, Y)], math.nan), ValueError, "nan"),
        (lambda: MAP(NET, [(X, Y)], "1"), TypeError, "'1'"),
        (lambda: MAP(NET, [(X, Y)], 1, batch_size=0), ValueError, "got 0"),
        (lambda: MAP(NET, [(X, Y)], 1, batch_size=2.5), TypeError, "2.5"),
        (lambda: MAP(NET, [(X, Y)], 1, seed=None), TypeError, "None"),
        (lambda: MAP(NET, [], 1), ValueError, "none"),
        (lambda: MAP(NET, [(X[:0], Y[:0])], 1), ValueError, "none"),
        (lambda: MAP(NET, (X, Y), 1), TypeError, "pair of maps and labels"),
        (lambda: MAP(NET, [(X, Y, Y)], 1), TypeError, "pair"),
        (lambda: MAP(NET, [(X, [0, 1])], 1), TypeError, "pair"),
        (lambda: MAP(NET, [(X.int(), Y)], 1), TypeError, "int32"),
        (lambda: MAP(NET, [(X, Y.float())], 1), TypeError, "float32"),
        (lambda: MAP(NET, [(X, Y[:1])], 1), RuntimeError, "(1,)"),
        (lambda: MAP(NET, [(X, Y[:, None])], 1), RuntimeError, "(2, 1)"),
        (lambda: MAP(NET, [(X[:, 0, 0], Y)], 1), RuntimeError, "(2, 4)"),
        (lambda: MAP(NET, [(X, Y), (X[..., :2], Y)], 1), RuntimeError, "(4, 2) after (4, 4)"),
        (lambda: MAP(nn.Identity(), [(X, Y)], 1), RuntimeError, "(2, 1, 4, 4)"),
        (lambda: MAP(nn.Flatten(0), [(X, Y)], 1), RuntimeError, "(32,)"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert text in str(caught.value)
