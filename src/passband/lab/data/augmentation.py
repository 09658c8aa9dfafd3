"""Random changes of training images, by the names that papers give them.

Each recipe is a function of a batch of maps `(N, C, height, width)`, on whatever device. All its
random numbers come from torch's global generator of the CPU, a few for each sample: a seeded run
sees the same images on every device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.spelling import meant

Recipe = Callable[[Tensor], Tensor]

_MARGIN = 4  # pixels, as for CIFAR in He et al., Deep residual learning, CVPR 2016, section 4.2


def same(maps: Tensor) -> Tensor:
    """Changes nothing, and draws nothing."""
    return maps


def crop(maps: Tensor) -> Tensor:
    """Puts 4 pixels of zeros on each side, and cuts a window of the old size out, anywhere.

    Draws two integers of 0 to 8 for each sample: the window's first row and column.

    Raises:
        ValueError: the maps are not images.
    """
    count, _, height, width = _images(maps, "crop")
    top, left = torch.randint(2 * _MARGIN + 1, (2, count)).to(maps.device)
    framed = F.pad(maps, (_MARGIN,) * 4)
    # All windows there are, as a view; one of each sample is copied.
    windows = framed.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(count, device=maps.device), :, top, left]


def flip(maps: Tensor) -> Tensor:
    """Mirrors every second image, left for right.

    Draws one number of [0, 1) for each sample, which is mirrored if it is below 1/2.

    Raises:
        ValueError: the maps are not images.
    """
    count, *_ = _images(maps, "flip")
    mirrored = (torch.rand(count) < 0.5).to(maps.device)
    return torch.where(mirrored.view(-1, 1, 1, 1), maps.flip(3), maps)


def crop_flip(maps: Tensor) -> Tensor:
    """`crop`, then `flip`: what papers call the standard augmentation of CIFAR."""
    return flip(crop(maps))


AUGMENTATIONS: Mapping[str, Recipe] = {
    "none": same, "crop": crop, "flip": flip, "crop-flip": crop_flip,
}  # fmt: skip
"""The recipe of each name."""


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in AUGMENTATIONS:
        raise ValueError(
            f"unknown augmentation {name!r}: there is {', '.join(AUGMENTATIONS)}"
            f"{meant(name, AUGMENTATIONS)}"
        )
    return AUGMENTATIONS[name]


def _images(maps: Tensor, name: str) -> tuple[int, ...]:
    if maps.ndim != 4:
        raise ValueError(
            f"augmentation {name!r} is for images (N, C, height, width); got {tuple(maps.shape)}"
        )
    return tuple(maps.shape)
