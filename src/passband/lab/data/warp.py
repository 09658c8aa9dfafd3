"""Images read at other places than those of their pixels."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def places(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each pixel of images `(N, C, H, W)`, both `(1, H, W)`."""
    height, width = maps.shape[-2:]
    rows = torch.arange(height, device=maps.device, dtype=maps.dtype)
    columns = torch.arange(width, device=maps.device, dtype=maps.dtype)
    return rows[None, :, None].expand(1, height, width), columns.expand(1, height, width)


def taken(
    maps: Tensor, rows: Tensor, columns: Tensor, beyond: Literal["border", "zeros"] = "border"
) -> Tensor:
    """Images `(N, C, H, W)` at the given places, bilinear between pixels.

    Args:
        maps: the images.
        rows: `(N or 1, H, W)`, 0 is the middle of the first row.
        columns: likewise.
        beyond: what lies outside of an image: its nearest pixel, or zeros.
    """
    height, width = maps.shape[-2:]
    grid = torch.stack(((2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1), -1)
    grid = grid.expand(len(maps), *grid.shape[1:])
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode=beyond, align_corners=False)
