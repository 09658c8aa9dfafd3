from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from passband.lab.data import LabeledData, load, padded, resized, whole
from passband.lab.data.labeled import in_memory, plain


def of(maps: Tensor, lazy: bool = False) -> LabeledData:
    targets = torch.arange(len(maps)) % 2
    kind = Lazy if lazy else TensorDataset
    return LabeledData("x", kind(maps, targets), kind(maps + 1, targets), ("a", "b"))


class Lazy(Dataset[Any]):
    def __init__(self, maps: Tensor, labels: Tensor) -> None:
        self.maps, self.labels = maps, labels

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.maps[index], int(self.labels[index])


@pytest.mark.parametrize("lazy", [False, True])
def test_every_part_is_resized_now_or_as_it_is_read(lazy: bool) -> None:
    data = of(torch.rand(6, 3, 8, 8), lazy).hold_out(0.3)
    small = resized(data, (4, 6))
    assert small.validation is not None
    assert data.validation is not None
    for part, old in (
        (small.train, data.train), (small.test, data.test), (small.validation, data.validation),
    ):  # fmt: skip
        assert in_memory(part) is not lazy
        maps, targets = whole(part)
        assert (maps.shape[1:], maps.dtype) == ((3, 4, 6), torch.float32)
        assert torch.equal(targets, whole(old)[1])
    assert (small.space, small.classes) == ((4, 6), data.classes)


def test_images_shrink_by_a_triangle_as_wide_as_two_new_pixels() -> None:
    row = torch.rand(8)
    maps = row.expand(1, 1, 8, 8).contiguous()
    result = whole(resized(of(maps), (8, 4)).train)[0]
    # the new pixel i has its middle at 2 i + 0.5, between two old ones
    centre = 2 * np.arange(4)[:, None] + 0.5
    weight = np.maximum(0, 1 - np.abs(np.arange(8) - centre) / 2)
    weight /= weight.sum(1, keepdims=True)
    expected = np.broadcast_to(weight @ row.numpy(), (1, 1, 8, 4))
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_what_a_smaller_image_cannot_show_is_gone_rather_than_aliased() -> None:
    fine = torch.tensor([1.0, -1.0]).repeat(16).expand(2, 1, 32, 32).contiguous()
    inner = whole(resized(of(fine), 8).train)[0][..., 1:-1]
    assert float(inner.abs().max()) < 1e-6


def test_series_shrink_by_means_and_grow_by_lines() -> None:
    series = torch.tensor([[[0.0, 2, 4, 6, 1, 3]]])
    assert whole(resized(of(series), 3).train)[0].tolist() == [[[1, 5, 2]]]
    assert whole(resized(of(torch.tensor([[[0.0, 4]]])), 4).train)[0].tolist() == [[[0, 1, 3, 4]]]


def test_volumes_are_resized_axis_by_axis() -> None:
    maps = torch.arange(2.0 * 3 * 4 * 4 * 2).reshape(2, 3, 4, 4, 2)
    result = whole(resized(of(maps), (2, 4, 4)).train)[0]
    halved = maps.reshape(2, 3, 2, 2, 4, 2).mean(3)
    ends = halved[..., :1], halved[..., 1:]
    expected = torch.cat([ends[0] * (1 - t) + ends[1] * t for t in (0, 0.25, 0.75, 1)], -1)
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("lazy", [False, True])
def test_the_margin_of_images_is_black_in_each_channel(lazy: bool) -> None:
    maps = torch.rand(4, 2, 3, 4) + 1
    maps[2, 0, 1, 1], maps[0, 1, 2, 3] = -0.5, 0.25
    data = padded(of(maps, lazy), (6, 5))
    for part, values in ((data.train, maps), (data.test, maps + 1)):
        expected = np.stack(
            [
                np.pad(values[:, c], ((0, 0), (1, 2), (0, 1)), constant_values=black)
                for c, black in enumerate((-0.5, 0.25))
            ],
            axis=1,
        )
        np.testing.assert_array_equal(whole(part)[0], expected)


def test_the_margin_of_standardised_digits_is_their_black() -> None:
    data = load("digits")
    maps = whole(padded(data, 12).test)[0]
    black = float(whole(data.train)[0].min())
    assert maps.shape[2:] == (12, 12)
    assert set(maps[:, :, 0].flatten().tolist()) == {black}
    assert torch.equal(maps[:, :, 2:10, 2:10], whole(data.test)[0])


def test_series_are_padded_with_zeros() -> None:
    series = torch.tensor([[[3.0, -2]], [[1.0, 5]]])
    assert whole(padded(of(series), 5).train)[0].tolist() == [[[0, 3, -2, 0, 0]], [[0, 1, 5, 0, 0]]]


class Random(Lazy):
    """A training set that draws; what is measured on it shall not."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        raise AssertionError("drawn")

    @property
    def plain(self) -> Lazy:
        return Lazy(self.maps, self.labels)


def test_samples_without_what_is_random_are_resized_and_held_out() -> None:
    maps = torch.rand(4, 1, 4, 4)
    train = Random(maps, torch.zeros(4, dtype=torch.int64))
    data = LabeledData("x", train, Lazy(maps, train.labels), ("a",))
    held = resized(data, 4).hold_out(0.5)
    assert held.validation is not None
    torch.testing.assert_close(whole(held.validation)[0], maps[2:])
    torch.testing.assert_close(whole(plain(held.train))[0], maps[:2])
    assert padded(data, 6).space == (6, 6)


@pytest.mark.parametrize("size", [0, -1, (4,), (4, 4, 4), (4, 0), (4, 2.5), 2.5, True, "ab"])
@pytest.mark.parametrize("change", [resized, padded])
def test_a_size_that_is_none(change: Any, size: Any) -> None:
    with pytest.raises(ValueError, match=r"^x: a size for maps of \(8, 8\) is .* got "):
        change(of(torch.rand(2, 1, 8, 8)), size)


def test_padding_does_not_cut() -> None:
    with pytest.raises(ValueError, match=r"maps of \(8, 8\) cannot be padded to \(9, 7\)"):
        padded(of(torch.rand(2, 1, 8, 8)), (9, 7))
