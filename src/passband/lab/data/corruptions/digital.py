"""What processing does to images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from passband.lab.data.corruptions.draw import normal
from passband.lab.data.corruptions.filters import gaussian
from passband.lab.data.corruptions.jpeg import compressed
from passband.lab.data.warp import places, taken

_CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)  # what is left of it
_ELASTIC = (0.012, 0.018, 0.025, 0.035, 0.045)  # mean displacement, of the side
_ELASTIC_SMOOTH = 0.05  # deviation of the blur that makes displacements smooth, of the side
_PIXELATE = (0.6, 0.5, 0.4, 0.3, 0.25)  # of the pixels on an axis
_QUALITY = (25, 18, 15, 10, 7)
_SATURATE = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))  # factor, and added


def contrast(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Brings each channel of an image nearer to its mean."""
    mean = maps.mean((-2, -1), keepdim=True)
    return mean + _CONTRAST[severity - 1] * (maps - mean)


def elastic_transform(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Moves each pixel by a smooth random field, which stretches here and shrinks there."""
    side = min(maps.shape[-2:])
    noise = normal(maps, (len(maps), 2, *maps.shape[-2:]), generator)
    field = gaussian(noise, _ELASTIC_SMOOTH * side)
    field = field / field.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)
    down, across = (_ELASTIC[severity - 1] * side * field).unbind(1)
    rows, columns = places(maps)
    return taken(maps, rows + down, columns + across)


def pixelate(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Larger pixels: fewer, each the mean over its area, and back without smoothing."""
    space = maps.shape[-2:]
    fewer = [max(1, int(_PIXELATE[severity - 1] * length)) for length in space]
    return F.interpolate(F.interpolate(maps, fewer, mode="area"), space, mode="nearest-exact")


def jpeg_compression(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """What JPEG of a low quality leaves."""
    return compressed(maps, _QUALITY[severity - 1])


def saturate(maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Paler or stronger colours; grey pixels, and images of one channel, stay as they are."""
    factor, added = _SATURATE[severity - 1]
    value, least = maps.amax(1, keepdim=True), maps.amin(1, keepdim=True)
    saturation = (value - least) / value.clamp_min(1e-12)
    wanted = (factor * saturation + added).clamp_max(1)
    ratio = torch.where(saturation > 0, wanted / saturation.clamp_min(1e-12), 0)
    return value - (value - maps) * ratio
