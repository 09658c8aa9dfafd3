"""Noise on maps, and what blurs them, at a stated strength."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.functional.noise import NoiseKind, add_noise
from passband.lab.data.extent import Extent

Disturb = Callable[[Tensor, float, torch.Generator, Extent], Tensor]
"""Maps `(N, C, *space)` on the CPU, strength, random numbers, range of the maps."""


def added(kind: NoiseKind) -> Disturb:
    """Adds independent numbers of that kind, whose standard deviation is the strength."""

    def add(maps: Tensor, sigma: float, numbers: torch.Generator, _: Extent) -> Tensor:
        return add_noise(maps, sigma, kind, generator=numbers)

    return add


def salt_pepper(maps: Tensor, share: float, numbers: torch.Generator, extent: Extent) -> Tensor:
    """Makes a share of all numbers the greatest or the least of their channel, at even odds."""
    hit, salt = torch.rand(2, *maps.shape, generator=numbers)
    return maps.where(hit >= share, extent.high.where(salt < 0.5, extent.low))


def pixels(maps: Tensor, share: float, numbers: torch.Generator, extent: Extent) -> Tensor:
    """Gives a share of all places random values in every channel, uniform over its range."""
    hit = torch.rand(len(maps), 1, *maps.shape[2:], generator=numbers)
    return maps.where(hit >= share, extent.of_unit(torch.rand(maps.shape, generator=numbers)))


def blur(maps: Tensor, width: float, _: torch.Generator, __: Extent) -> Tensor:
    """Smooths by a Gaussian of a standard deviation of so many samples; borders are repeated."""
    if width == 0:
        return maps
    reach = math.ceil(3 * width)
    at = torch.arange(-reach, reach + 1, dtype=maps.dtype)
    kernel = torch.exp(-0.5 * (at / width) ** 2)
    kernel /= kernel.sum()
    for axis in range(2, maps.ndim):
        flat = maps.transpose(axis, -1)
        rows = F.pad(flat.reshape(1, -1, flat.shape[-1]), (reach, reach), mode="replicate")
        smooth = F.conv1d(rows.transpose(0, 1), kernel.view(1, 1, -1))
        maps = smooth.reshape(flat.shape).transpose(axis, -1)
    return maps


@dataclass(frozen=True)
class Noise:
    """A kind of disturbance.

    Attributes:
        disturb: Does it.
        unit: Of its strength, in words.
        strengths: At which networks are tested, 0 being none.
        most: The greatest strength that there is.
    """

    disturb: Disturb
    unit: str
    strengths: tuple[float, ...]
    most: float = math.inf

    def __call__(self, maps: Tensor, strength: float, seed: int, extent: Extent) -> Tensor:
        """Disturbed maps; the same seed draws the same numbers at each strength."""
        numbers = torch.Generator().manual_seed(seed)
        return self.disturb(maps.cpu(), strength, numbers, extent).to(maps)


_SIGMA = "standard deviation, in units of the network's input"
_SIGMAS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0)
_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)

NOISES: Mapping[str, Noise] = {
    "gaussian": Noise(added("gaussian"), _SIGMA, _SIGMAS),
    "uniform": Noise(added("uniform"), _SIGMA, _SIGMAS),
    "laplace": Noise(added("laplace"), _SIGMA, _SIGMAS),
    "salt-pepper": Noise(salt_pepper, "share of the numbers", _SHARES, 1.0),
    "pixels": Noise(pixels, "share of the places", _SHARES, 1.0),
    "blur": Noise(blur, "standard deviation, in samples", (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)),
}
"""Each kind by its name."""
