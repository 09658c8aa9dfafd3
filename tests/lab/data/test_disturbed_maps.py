"""Noise by its moments and by cases made by hand."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from passband.lab.data import first, load
from passband.lab.data.extent import Extent, extent
from passband.lab.data.noise import NOISES

RANGE = Extent(torch.tensor([-1.0, 0.0]).view(2, 1, 1), torch.tensor([3.0, 1.0]).view(2, 1, 1))


def disturbed(kind: str, strength: float, maps: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return NOISES[kind](maps, strength, seed, RANGE)


@pytest.mark.parametrize(
    ("kind", "kurtosis"), [("gaussian", 3.0), ("uniform", 1.8), ("laplace", 6)]
)
def test_noise_has_the_deviation_and_the_tails_of_its_kind(kind: str, kurtosis: float) -> None:
    maps = torch.full((40, 2, 50, 50), 5.0)
    added = (disturbed(kind, 0.7, maps) - maps).double()
    assert added.mean().item() == pytest.approx(0, abs=0.01)
    assert added.std().item() == pytest.approx(0.7, rel=0.01)
    found = (added**4).mean() / added.var() ** 2
    assert found.item() == pytest.approx(kurtosis, rel=0.05)
    flat = added.flatten()
    assert (flat[1:] * flat[:-1]).mean().item() == pytest.approx(0, abs=0.01)  # white


def test_uniform_noise_has_sharp_ends() -> None:
    added = disturbed("uniform", 1.0, torch.zeros(10, 2, 50, 50))
    assert 0.99 * 3**0.5 < added.abs().max().item() <= 3**0.5


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_salt_and_pepper_are_the_ends_of_the_range(share: float) -> None:
    maps = torch.full((20, 2, 40, 40), 0.5)
    found = disturbed("salt-pepper", share, maps)
    for channel, (low, high) in enumerate(((-1.0, 3.0), (0.0, 1.0))):
        values = found[:, channel]
        assert set(values.unique().tolist()) == {low, 0.5, high}
        for end in (low, high):
            assert (values == end).double().mean().item() == pytest.approx(share / 2, rel=0.1)


def test_pixels_are_replaced_in_all_channels() -> None:
    maps = torch.full((20, 2, 40, 40), 7.0)
    found = disturbed("pixels", 0.2, maps)
    hit = found != 7
    assert (hit[:, 0] == hit[:, 1]).all()
    assert hit[:, 0].double().mean().item() == pytest.approx(0.2, rel=0.05)
    for channel, (low, high) in enumerate(((-1.0, 3.0), (0.0, 1.0))):
        values = found[:, channel][hit[:, channel]]
        assert low <= values.min().item() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max().item() <= high


@pytest.mark.parametrize("space", [(32,), (16, 21), (6, 7, 8)])
@pytest.mark.parametrize("width", [0.5, 1.5])
def test_blur_is_a_gaussian_filter(space: tuple[int, ...], width: float) -> None:
    maps = torch.randn(3, 2, *space, dtype=torch.float64)
    found = NOISES["blur"](maps, width, 0, RANGE)
    reach = int(np.ceil(3 * width))
    wanted = [
        [scipy.ndimage.gaussian_filter(one, width, mode="nearest", radius=reach) for one in maps_]
        for maps_ in maps.numpy()
    ]
    np.testing.assert_allclose(found.numpy(), np.asarray(wanted), atol=1e-12)


@pytest.mark.parametrize("kind", NOISES)
def test_no_strength_is_no_noise_and_a_seed_is_a_draw(kind: str) -> None:
    maps = torch.randn(3, 2, 12, 12)
    assert torch.equal(disturbed(kind, 0.0, maps), maps)
    once, again = (disturbed(kind, 0.5, maps, seed=4) for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, maps)
    if kind != "blur":
        assert not torch.equal(once, disturbed(kind, 0.5, maps, seed=5))


def test_the_extent_is_black_and_white() -> None:
    digits = load("digits")
    found = extent(digits)
    maps = first(digits.test, 100)[0]
    unit = found.unit(maps)
    assert torch.allclose(unit * 16, (unit * 16).round(), atol=1e-4)  # 17 grey values
    assert (unit.min().item(), unit.max().item()) == pytest.approx((0, 1), abs=1e-6)
    torch.testing.assert_close(found.of_unit(unit), maps)


def test_a_channel_of_one_value_has_a_range() -> None:
    from torch.utils.data import TensorDataset

    from passband.lab.data import LabeledData

    flat = TensorDataset(torch.full((4, 1, 5), 2.0), torch.zeros(4, dtype=torch.int64))
    found = extent(LabeledData("flat", flat, flat, ("a",)))
    assert found.unit(torch.full((1, 1, 5), 2.0)).tolist() == [[[0.0] * 5]]
