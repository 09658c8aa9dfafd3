"""Weather and daylight. Frost is not here: it is photographs of frost."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from passband.lab.data.corruptions.draw import uniform
from passband.lab.data.corruptions.filters import scale, streak

_SNOW = ((0.03, 0.1), (0.06, 0.15), (0.1, 0.2), (0.14, 0.25), (0.2, 0.3))  # share of flakes, veil
_FLAKE, _FALL, _FLAKE_LIGHT = 4, 6, 0.9  # width and fall at a side of 224; how bright
_FOG = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))  # thickness, decay of its detail
_BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)


def snow(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Flakes that fall aslant, before a picture that is paler.

    A flake is at least a pixel wide, and the same in all channels.
    """
    share, veil = _SNOW[severity - 1]
    width = max(1.0, _FLAKE * scale(maps))
    cells = [math.ceil(length / width) for length in maps.shape[-2:]]
    flakes = (uniform(maps, (len(maps), 1, *cells), generator) < share).to(maps)
    flakes = F.interpolate(flakes, maps.shape[-2:], mode="bilinear", align_corners=False)
    angles = uniform(maps, (len(maps),), generator, math.pi / 4, 3 * math.pi / 4)
    fall = max(1.0, _FALL * scale(maps))
    return maps + veil * (1 - maps) + _FLAKE_LIGHT * streak(flakes, fall, fall / 2, angles)


def fog(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Mixes the image with clouds, the more of them the thicker the fog."""
    thickness, decay = _FOG[severity - 1]
    height, width = maps.shape[-2:]
    clouds = plasma(len(maps), max(height, width), decay, generator).to(maps)
    return (maps + thickness * clouds[:, None, :height, :width]) / (1 + thickness)


def brightness(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Adds to the value of each pixel, its brightest channel; hue and saturation stay."""
    value = maps.amax(1, keepdim=True)
    brighter = (value + _BRIGHTNESS[severity - 1]).clamp_max(1)
    return torch.where(value > 0, maps * brighter / value.clamp_min(1e-12), brighter)


def plasma(count: int, side: int, decay: float, generator: Generator) -> Tensor:
    """Clouds from 0 to 1, `(count, n, n)` with n the power of two that is at least `side`.

    Points half way between known ones are their mean and a random number, first those in the
    middle of squares and then those in the middle of sides; the random numbers shrink by `decay`
    as the squares halve (Fournier, Fussell and Carpenter 1982). Opposite borders touch.
    """
    step = 2 ** math.ceil(math.log2(max(side, 2)))
    field = torch.zeros(count, step, step)
    amplitude = 1.0
    while step > 1:
        half = step // 2
        corners = field[:, ::step, ::step]
        noise = [
            amplitude * uniform(field, tuple(corners.shape), generator, -1, 1) for _ in range(3)
        ]
        right, below = corners.roll(-1, 2), corners.roll(-1, 1)
        middle = (corners + right + below + right.roll(-1, 1)) / 4 + noise[0]
        upper = (corners + right + middle + middle.roll(1, 1)) / 4 + noise[1]
        left = (corners + below + middle + middle.roll(1, 2)) / 4 + noise[2]
        field[:, half::step, half::step] = middle
        field[:, ::step, half::step] = upper
        field[:, half::step, ::step] = left
        step, amplitude = half, amplitude / decay
    field = field - field.amin((1, 2), keepdim=True)
    return field / field.amax((1, 2), keepdim=True).clamp_min(1e-12)
