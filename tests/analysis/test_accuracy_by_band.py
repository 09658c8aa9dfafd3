"""Accuracy by the band of the input, of models that read a known frequency."""

from __future__ import annotations

import copy
import math
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.analysis import BandAccuracy, band_accuracy
from passband.functional import frequency_mask, mask_frequencies

mpl.use("agg")


def reads(k: int, n: int = 16) -> tuple[nn.Module, Tensor, Tensor]:
    """A model that tells the sign of the cosine k of maps, maps with one, and their classes."""
    wave = torch.cos(2 * math.pi * k * torch.arange(n) / n)
    reader = nn.Linear(n, 2)
    with torch.no_grad():
        reader.weight.copy_(torch.stack((-wave, wave)))
        reader.bias.copy_(torch.tensor([0.1, 0.0]))  # in doubt, class 0
    model = nn.Sequential(nn.Flatten(), reader)
    labels = torch.arange(20) % 2
    return model, (2 * labels - 1).float()[:, None, None] * wave, labels


@pytest.mark.parametrize("k", [0, 1, 3, 7, 8])
def test_it_is_lost_with_the_frequency_that_is_read(k: int) -> None:
    model, x, y = reads(k)
    keeps = [odd / 16 for odd in range(1, 17, 2)] + [1]
    low = band_accuracy(model, [(x, y)], keeps)
    assert low.measured == low.keeps == tuple(keeps)
    # a low pass of 2m + 1 bins ends at m
    assert low.accuracies == tuple(1.0 if k <= m or m == 8 else 0.5 for m in range(9))
    high = band_accuracy(model, [(x, y)], keeps, high=True)
    # a high pass of 2m + 1 bins begins at 8 - m
    assert high.accuracies == tuple(1.0 if k >= 8 - m else 0.5 for m in range(9))
    assert high.high


def test_measured_keep_is_what_passes() -> None:
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
    x, y = torch.randn(6, 1, 5, 5), torch.zeros(6, dtype=torch.long)
    found = band_accuracy(model, [(x, y)], [0.01, 0.3, 1], "square")
    assert found.measured == pytest.approx([1 / 25, 1 / 25, 1])
    assert found.keeps == (0.01, 0.3, 1)
    soft = band_accuracy(model, [(x, y)], [0.2], edge="exponential", width=0.3)
    mask = frequency_mask((5, 5), 0.2, edge="exponential", width=0.3)
    assert soft.measured == pytest.approx([mask.mean().item()])
    # maps of two sizes, weighted by samples
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    parts = [(x, y), (torch.randn(2, 1, 3, 3), y[:2])]
    found = band_accuracy(model, parts, [0.01])
    assert found.measured == pytest.approx([(6 / 25 + 2 / 9) / 8])


@pytest.mark.parametrize("options", [{}, {"shape": "square", "high": True},
                                     {"edge": "linear", "width": 0.4}], ids=str)  # fmt: skip
def test_against_masking_by_hand_and_the_model_stays(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(),
                          nn.Flatten(), nn.Linear(6 * 16, 3))  # fmt: skip
    x, y = torch.randn(50, 2, 6, 6), torch.randint(3, (50,))
    for band in (None, pb.Band(keep=0.5)):
        if band is not None:
            pb.convert_(model, band)
        before = copy.deepcopy(model.state_dict())
        model.train()
        found = band_accuracy(
            model, iter([(x[:20], y[:20]), (x[20:], y[20:])]), [0.1, 0.4, 1], **options
        )
        assert model.training
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        model.eval()
        for keep, accuracy in zip(found.keeps, found.accuracies, strict=True):
            right = model(mask_frequencies(x, keep, **options)).argmax(1) == y
            assert accuracy == right.double().mean().item()
        assert found.accuracies[2] == (model(x).argmax(1) == y).double().mean().item()


def test_the_drawing() -> None:
    from matplotlib import pyplot

    found = BandAccuracy((1, 0.5), (1.0, 0.4), (0.9, 0.75))
    axes = found.draw()
    assert found.draw(axes) is axes
    points = np.asarray(axes.lines[0].get_xydata())
    assert points.tolist() == [[40, 75], [100, 90]]
    assert "low" in axes.get_xlabel()
    pyplot.close("all")


BAND: Any = band_accuracy
X, Y = torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.long)
NET = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: BAND(len, [(X, Y)], [1]), TypeError, "builtin"),
        (lambda: BAND(NET, [(X, Y)], []), ValueError, "[]"),
        (lambda: BAND(NET, [(X, Y)], [0.5, 0]), ValueError, "band_accuracy: keep lies in (0, 1]"),
        (lambda: BAND(NET, [(X, Y)], ["1"]), TypeError, "'1'"),
        (lambda: BAND(NET, [(X, Y)], 0.5), TypeError, "0.5"),
        (lambda: BAND(NET, [(X, Y)], [1], "ring"), ValueError, "'ring'"),
        (lambda: BAND(NET, [(X, Y)], [1], high=2), TypeError, "got 2"),
        (lambda: BAND(NET, [(X, Y)], [1], edge="linear"), ValueError, "None"),
        (lambda: BAND(NET, [], [1]), ValueError, "none"),
        (lambda: BAND(NET, [X], [1]), TypeError, "pair"),
        (lambda: BAND(nn.Identity(), [(X, Y)], [1]), RuntimeError, "(2, 1, 4, 4)"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert text in str(caught.value)
