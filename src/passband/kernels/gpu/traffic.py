"""Bytes that a layer's forward pass moves to and from a GPU's memory, counted from shapes."""

from __future__ import annotations

import math

from passband.kernels.gpu.fourier import Layout
from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.bins import count

_PASSES = {"plain": 8, "turned": 6, "beside": 4}
"""How often a spectrum of the layer, or what has its size, is written or read. Plain: by analysis,
by `bmm`, whose four products have the size of two, by their sums, by adjoint. Turned, the source
has the size of two, and `bmm` writes the sums. Beside, both have the size of one."""
_FILTERS = {"plain": 1, "turned": 1, "beside": 2}
"""Size of the filters' operand: beside, it is the real matrix of each complex number."""


def least(
    batch: int, channels: int, source: tuple[Axis, ...], target: tuple[Axis, ...], itemsize: int
) -> int:
    """The map read once and written once (as many channels out as in); weights not counted."""
    samples = sum(math.prod(a.grid.count for a in axes) for axes in (source, target))
    return batch * channels * samples * itemsize


def moved(
    batch: int,
    channels: int,
    source: tuple[Axis, ...],
    target: tuple[Axis, ...],
    itemsize: int,
    layout: Layout = "turned",
) -> int:
    """What `analysis`, `torch.bmm` and `adjoint` move, and the filters' spectra, made and used."""
    number = 2 * count(source) * channels * itemsize
    spectra = _PASSES[layout] * number * batch
    filters = 2 * _FILTERS[layout] * number * channels
    return least(batch, channels, source, target, itemsize) + spectra + filters
