"""What is lost in JPEG (ITU-T T.81, 1992): blocks of 8x8 pixels, their cosine transform rounded.

The tables are those of its annex K, scaled by quality as the Independent JPEG Group does. Colour
keeps its full resolution (4:4:4).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.transforms.cosine import dct, idct

_BLOCK = 8
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
# Red, green and blue as brightness and two differences of colour (JFIF), and that undone.
_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)


def compressed(maps: Tensor, quality: int) -> Tensor:
    """Images `(N, C, H, W)` in [0, 1] as they come out of a JPEG file, but for its rounding.

    Three channels are colours; of any other number each is grey by itself.

    Args:
        maps: the images.
        quality: 1 to 100.
    """
    if maps.shape[1] != 3:
        return (_rounded(255 * maps - 128, _scaled(_LUMINANCE, quality).to(maps)) + 128) / 255
    mix = torch.tensor(_TO_YCC, dtype=torch.float64)
    parts = torch.einsum("yc,nchw->nyhw", mix.to(maps), 255 * maps)
    bright = _rounded(parts[:, :1] - 128, _scaled(_LUMINANCE, quality).to(maps)) + 128
    colour = _rounded(parts[:, 1:], _scaled(_CHROMINANCE, quality).to(maps))
    back = torch.linalg.inv(mix).to(maps)
    return torch.einsum("cy,nyhw->nchw", back, torch.cat((bright, colour), 1)) / 255


def _scaled(table: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return ((torch.tensor(table) * percent + 50) // 100).clamp(1, 255)


def _rounded(maps: Tensor, steps: Tensor) -> Tensor:
    """Coefficients of each block as multiples of their steps."""
    height, width = maps.shape[-2:]
    framed = F.pad(maps, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    blocks = framed.unflatten(-2, (-1, _BLOCK)).unflatten(-1, (-1, _BLOCK)).transpose(-3, -2)
    kept = (dct(blocks.contiguous(), dims=2) / steps).round() * steps
    back = idct(kept, dims=2).transpose(-3, -2).flatten(-2).flatten(-3, -2)
    return back[..., :height, :width]
