"""Blurs of a camera. Lengths are in pixels of an image with sides of 224, and scale with it."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from passband.lab.data.corruptions.draw import uniform
from passband.lab.data.corruptions.filters import disk, gaussian, scale, streak
from passband.lab.data.warp import places, taken

_DEFOCUS = (3, 4, 6, 8, 10)  # radius
_GLASS = ((0.7, 3), (0.9, 4), (1.0, 6), (1.1, 8), (1.5, 10))  # deviation, displacement
_GLASS_TIMES = 2
_MOTION = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))  # reach, deviation
_ZOOM = (1.11, 1.16, 1.21, 1.26, 1.31)  # the last of the magnifications
_ZOOM_STEPS = 12
_GAUSSIAN = (1, 2, 3, 4, 6)  # deviation


def defocus_blur(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """The mean over a disk."""
    return disk(maps, _DEFOCUS[severity - 1] * scale(maps))


def glass_blur(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """A little blur, and each pixel is taken from a random place near by, twice.

    The published images swap pixels one after another, of which there are too few in small images:
    here places lie between pixels as well.
    """
    sigma, displacement = (length * scale(maps) for length in _GLASS[severity - 1])
    found = gaussian(maps, sigma)
    rows, columns = places(maps)
    shape = (len(maps), *maps.shape[-2:])
    for _ in range(_GLASS_TIMES):
        down, across = (
            uniform(maps, shape, generator, -displacement, displacement) for _ in range(2)
        )
        found = taken(found, rows + down, columns + across)
    return gaussian(found, sigma)


def motion_blur(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """The mean along a line, in each image at an angle of its own of up to 45 degrees."""
    reach, sigma = (length * scale(maps) for length in _MOTION[severity - 1])
    angles = uniform(maps, (len(maps),), generator, -math.pi / 4, math.pi / 4)
    return streak(maps, reach, sigma, angles)


def zoom_blur(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """The mean of the image and its magnifications about the middle."""
    middle = [(length - 1) / 2 for length in maps.shape[-2:]]
    rows, columns = places(maps)
    total = torch.zeros_like(maps)
    for step in range(_ZOOM_STEPS):
        factor = 1 + (_ZOOM[severity - 1] - 1) * step / (_ZOOM_STEPS - 1)
        down, across = (
            centre + (at - centre) / factor
            for at, centre in zip((rows, columns), middle, strict=True)
        )
        total += taken(maps, down, across)
    return total / _ZOOM_STEPS


def gaussian_blur(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Gaussian blur."""
    return gaussian(maps, _GAUSSIAN[severity - 1] * scale(maps))
