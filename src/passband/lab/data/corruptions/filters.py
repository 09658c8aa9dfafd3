"""Means over what is near. Lengths are in pixels and need not be whole."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.lab.data.warp import places, taken

SIDE = 224  # of the images that lengths in pixels were chosen for


def scale(maps: Tensor) -> float:
    """What a length in an image with sides of `SIDE` is multiplied by."""
    return min(maps.shape[-2:]) / SIDE


def gaussian(maps: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of images `(N, C, H, W)`, cut at three deviations."""
    reach = max(1, math.ceil(3 * sigma))
    edges = torch.arange(-reach - 0.5, reach + 1, dtype=torch.float64)  # of pixels
    weights = torch.special.erf(edges / (sigma * math.sqrt(2))).diff()
    weights = (weights / weights.sum()).to(maps)
    return _filtered(_filtered(maps, weights[:, None]), weights[None])


def disk(maps: Tensor, radius: float) -> Tensor:
    """The mean over a disk, as of a lens out of focus."""
    reach = math.ceil(radius) + 1
    steps = math.ceil(8 * max(1.0, radius / 2))
    line = torch.linspace(-radius, radius, 2 * steps + 1, dtype=maps.dtype)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    inside = rows**2 + columns**2 <= radius**2 * (1 + 1e-6)
    # Each point of the disk is shared by the four pixels around it: a small disk blurs too.
    at = torch.arange(-reach, reach + 1, dtype=maps.dtype)
    down, across = ((1 - (p[inside, None] - at).abs()).clamp_min(0) for p in (rows, columns))
    kernel = down.T @ across
    return _filtered(maps, (kernel / kernel.sum()).to(maps))


def streak(maps: Tensor, reach: float, sigma: float, angles: Tensor) -> Tensor:
    """The mean along a line through each pixel, with Gaussian weights.

    Args:
        maps: `(N, C, H, W)`.
        reach: of the line, to both sides.
        sigma: of the weights.
        angles: of the line in each image, in radians `(N,)`; 0 is along a row.
    """
    steps = max(4, math.ceil(2 * reach))
    line = torch.linspace(-reach, reach, 2 * steps + 1).tolist()
    weights = [math.exp(-(at**2) / (2 * sigma**2)) for at in line]
    rows, columns = places(maps)
    down, across = angles.sin().view(-1, 1, 1), angles.cos().view(-1, 1, 1)
    total = torch.zeros_like(maps)
    for at, weight in zip(line, weights, strict=True):
        total += weight * taken(maps, rows + at * down, columns + at * across)
    return total / sum(weights)


def _filtered(maps: Tensor, kernel: Tensor) -> Tensor:
    """Correlates every channel with one kernel; beyond the border are its pixels."""
    channels = maps.shape[1]
    down, across = (length // 2 for length in kernel.shape)
    framed = F.pad(maps, (across, across, down, down), mode="replicate")
    return F.conv2d(framed, kernel.expand(channels, 1, *kernel.shape), groups=channels)
