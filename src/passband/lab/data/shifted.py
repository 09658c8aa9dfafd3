"""Maps moved and images turned; what comes in from outside is the background."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.lab.data.warp import places, taken


def moved(maps: Tensor, offsets: Sequence[float], background: Tensor) -> Tensor:
    """Maps moved towards higher indices.

    By whole samples values are copied. By parts of samples the map, with background around it, is
    moved on a ring by its Fourier phases, which neither blurs nor sharpens.

    Args:
        maps: `(N, C, *space)`.
        offsets: samples on each axis of space, of any sign.
        background: what comes in, for each channel: `(C, 1, ..., 1)`.

    Raises:
        ValueError: there is not one offset for each axis.
    """
    space = maps.shape[2:]
    if len(offsets) != len(space):
        raise ValueError(f"one offset for each axis of {tuple(space)}; got {tuple(offsets)}")
    found = maps - background
    for axis, offset in enumerate(offsets, 2):
        found = _moved(found.movedim(axis, -1), offset).movedim(-1, axis)
    return found + background


def moved_each(maps: Tensor, offsets: Tensor, background: Tensor) -> Tensor:
    """As `moved`, each map by whole samples of its own: offsets int64 `(N, axes)`."""
    found = maps - background
    for axis, mine in enumerate(offsets.to(maps.device).unbind(1), 2):
        length = maps.shape[axis]
        source = torch.arange(length, device=maps.device) - mine[:, None]
        shape = [len(maps), 1, *(length if at == axis else 1 for at in range(2, maps.ndim))]
        inside = ((source >= 0) & (source < length)).view(shape)
        index = source.clamp(0, length - 1).view(shape).expand_as(found)
        found = found.gather(axis, index) * inside
    return found + background


def turned(maps: Tensor, degrees: float, background: Tensor) -> Tensor:
    """Images turned about their middle, against the clock, bilinear between pixels.

    Args:
        maps: `(N, C, H, W)`.
        degrees: of any sign.
        background: what comes in, for each channel: `(C, 1, 1)`.
    """
    height, width = maps.shape[-2:]
    rows, columns = places(maps)
    down, across = rows - (height - 1) / 2, columns - (width - 1) / 2
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    back = (
        cos * down + sin * across + (height - 1) / 2,
        -sin * down + cos * across + (width - 1) / 2,
    )
    return taken(maps - background, *back, beyond="zeros") + background


def _moved(maps: Tensor, offset: float) -> Tensor:
    """On the last axis; zeros come in."""
    length = maps.shape[-1]
    if offset == int(offset):
        # A negative margin cuts off.
        return F.pad(maps, (int(offset), -int(offset))) if abs(offset) < length else maps * 0
    margin = length + math.ceil(abs(offset))
    ring = F.pad(maps, (margin, margin))
    spectrum = torch.fft.rfft(ring)
    turns = torch.fft.rfftfreq(ring.shape[-1], device=maps.device, dtype=maps.dtype) * offset
    phases = torch.polar(torch.ones_like(turns), -2 * math.pi * turns)
    whole: Tensor = torch.fft.irfft(spectrum * phases, ring.shape[-1])
    return whole[..., margin : margin + length]
