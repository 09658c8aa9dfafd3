import numpy as np
import pytest
import torch

from passband.lab.data.shifted import moved, moved_each, turned

BACKGROUND = torch.tensor([-1.0, 2.0])


def maps(*space: int) -> torch.Tensor:
    return torch.randn(3, 2, *space, generator=torch.Generator().manual_seed(0))


def shifted(values: np.ndarray, offsets: tuple[int, ...]) -> np.ndarray:
    """Sample by sample."""
    found = np.empty_like(values)
    for index in np.ndindex(values.shape):
        source = [at - offset for at, offset in zip(index[2:], offsets, strict=True)]
        inside = all(0 <= at < n for at, n in zip(source, values.shape[2:], strict=True))
        found[index] = values[(*index[:2], *source)] if inside else float(BACKGROUND[index[1]])
    return found


@pytest.mark.parametrize("offsets", [(0, 0), (2, 0), (0, -3), (-1, 4), (5, 0), (9, -9)])
def test_whole_samples(offsets: tuple[int, ...]) -> None:
    given = maps(5, 6)
    wanted = shifted(given.numpy(), offsets)
    fill = BACKGROUND.view(2, 1, 1)
    np.testing.assert_allclose(moved(given, offsets, fill), wanted, atol=1e-6)
    each = torch.tensor([offsets] * 3)
    np.testing.assert_allclose(moved_each(given, each, fill), wanted, atol=1e-6)


def test_each_map_by_its_own_offset() -> None:
    given, fill = maps(7), BACKGROUND.view(2, 1)
    found = moved_each(given, torch.tensor([[1], [-2], [0]]), fill)
    for at, offset in enumerate((1, -2, 0)):
        np.testing.assert_allclose(found[at], shifted(given.numpy(), (offset,))[at], atol=1e-6)


@pytest.mark.parametrize("offset", [0.5, -1.25, 3.3])
def test_parts_of_samples_are_those_of_the_function(offset: float) -> None:
    at = torch.arange(40, dtype=torch.float64)

    def bell(middle: float) -> torch.Tensor:
        return torch.exp(-((at - middle) ** 2) / (2 * 2.0**2)).expand(1, 1, 40) + 3

    found = moved(bell(20), (offset,), torch.full((1, 1), 3.0, dtype=torch.float64))
    torch.testing.assert_close(found, bell(20 + offset), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("degrees", "times"), [(0, 0), (90, 1), (180, 2), (-90, -1)])
def test_quarter_turns(degrees: float, times: int) -> None:
    given = maps(7, 7)
    found = turned(given, degrees, BACKGROUND.view(2, 1, 1))
    np.testing.assert_allclose(found, np.rot90(given.numpy(), times, (2, 3)), atol=1e-5)


def test_what_is_turned_in_is_background() -> None:
    given = torch.full((1, 2, 9, 5), 7.0)
    found = turned(given, 90, BACKGROUND.view(2, 1, 1))[0]
    for channel, fill in enumerate(BACKGROUND.tolist()):
        wanted = np.full((9, 5), fill)
        wanted[2:7] = 7
        np.testing.assert_allclose(found[channel], wanted, atol=1e-5)


def test_one_offset_for_each_axis() -> None:
    with pytest.raises(ValueError, match=r"each axis of \(5, 6\); got \(1,\)"):
        moved(maps(5, 6), (1,), BACKGROUND.view(2, 1, 1))
