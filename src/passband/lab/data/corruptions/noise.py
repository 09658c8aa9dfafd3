"""Noise: each value of an image changes by itself."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from passband.lab.data.corruptions.draw import normal, uniform

_GAUSSIAN = (0.08, 0.12, 0.18, 0.26, 0.38)  # deviation
_SHOT = (60, 25, 12, 5, 3)  # photons of a white pixel
_IMPULSE = (0.03, 0.06, 0.09, 0.17, 0.27)  # share of the values
_SPECKLE = (0.15, 0.2, 0.35, 0.45, 0.6)  # deviation over the value


def gaussian_noise(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Adds normal noise, as in low light."""
    return maps + _GAUSSIAN[severity - 1] * normal(maps, tuple(maps.shape), generator)


def shot_noise(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Counts photons, whose number is Poisson's."""
    white = _SHOT[severity - 1]
    return torch.poisson(maps.cpu() * white, generator=generator).to(maps) / white


def impulse_noise(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Makes some values black and as many white, as broken pixels are."""
    share = _IMPULSE[severity - 1]
    chance = uniform(maps, tuple(maps.shape), generator)
    return maps.masked_fill(chance < share / 2, 0).masked_fill(chance > 1 - share / 2, 1)


def speckle_noise(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Adds normal noise in proportion to the value: black stays black."""
    return maps + maps * _SPECKLE[severity - 1] * normal(maps, tuple(maps.shape), generator)
