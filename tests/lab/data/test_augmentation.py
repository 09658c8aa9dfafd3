import numpy as np
import pytest
import torch
from torch import Tensor

from passband.lab.data.augmentation import AUGMENTATIONS, recipe

N, C, H, W = 32, 3, 5, 7


@pytest.fixture
def maps() -> Tensor:
    return torch.rand(N, C, H, W, generator=torch.Generator().manual_seed(3))


def one_by_one(maps: Tensor, name: str) -> np.ndarray:
    """The recipes again, sample for sample, from the same draws."""
    found = maps.numpy().copy()
    if "crop" in name:
        top, left = torch.randint(9, (2, len(maps))).tolist()
        for i, one in enumerate(found):
            framed = np.pad(one, ((0, 0), (4, 4), (4, 4)))
            found[i] = framed[:, top[i] : top[i] + H, left[i] : left[i] + W]
    if "flip" in name:
        for i, draw in enumerate(torch.rand(len(maps)).tolist()):
            if draw < 0.5:
                found[i] = found[i, :, :, ::-1].copy()
    return found


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_batch_is_changed_as_its_samples_one_by_one(
    maps: Tensor, name: str, layout: torch.memory_format
) -> None:
    before = maps.clone()
    torch.manual_seed(1)
    changed = recipe(name)(maps.contiguous(memory_format=layout))
    left = torch.rand(())
    torch.manual_seed(1)
    np.testing.assert_array_equal(changed, one_by_one(maps, name))
    assert torch.equal(left, torch.rand(())), "and nothing more is drawn"
    assert torch.equal(maps, before)


def test_none_changes_and_draws_nothing(maps: Tensor) -> None:
    state = torch.get_rng_state()
    assert recipe("none")(maps) is maps
    assert torch.equal(torch.get_rng_state(), state)


def test_every_window_is_as_likely_and_every_second_image_mirrored() -> None:
    torch.manual_seed(0)
    marked = torch.zeros(8100, 1, 9, 9)
    marked[:, :, 4, 4] = 1
    places = recipe("crop")(marked).flatten(1).argmax(1).bincount()
    assert len(places) == 81
    assert 50 < int(places.min()) <= int(places.max()) < 150  # of 100 expected, deviation 10
    left = torch.zeros(10_000, 1, 1, 2)
    left[..., 0] = 1
    assert abs(float(recipe("flip")(left)[..., 1].mean()) - 0.5) < 0.02


def test_an_empty_batch_and_one_in_half_precision(maps: Tensor) -> None:
    for change in AUGMENTATIONS.values():
        assert change(maps[:0]).shape == (0, C, H, W)
        assert change(maps.half()).dtype == torch.float16


@pytest.mark.parametrize("name", ["crop", "flip", "crop-flip"])
@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 3, 8, 8, 8), (8, 8)])
def test_only_images_are_augmented(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"is for images \(N, C, height, width\); got \("):
        recipe(name)(torch.zeros(shape))


def test_an_unknown_recipe() -> None:
    with pytest.raises(ValueError, match="unknown augmentation 'mixup': there is none, crop, flip"):
        recipe("mixup")
