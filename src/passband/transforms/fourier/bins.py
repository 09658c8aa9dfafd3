"""The bins that stand for a real map's spectrum: of each conjugate pair ±k, one.

A band is a box of frequencies, symmetric in ±k. The spectrum of a real map is conjugate symmetric,
so about half of the box says it all. An axis has one or two frequencies that are their own mirror
image, 0 and, where it is kept, Nyquist (`Axis.own`), and pairs. The half space of several axes is
made axis by axis, from the last to the first: with H' that of the axes behind, of which the first
are their own mirror images,

    own x own', own x rest', pairs x own', +pairs x rest', -pairs x rest'.

In this order the bins lie in memory. `fold` in `dft` is the same recursion.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis

Norm = Literal["parseval", "none", "ortho", "inverse of none", "inverse of ortho"]
"""What a coefficient is multiplied by, with ring length L and multiplicity μ, 2 for one of a pair.

`"none"`: 1, the plain sum. `"ortho"`: 1 / √L. `"parseval"`: √(μ / L), so that the squares of a
map's half spectrum sum to the energy of its kept part, and the adjoint of the transform is its
inverse. The adjoints with `"inverse of none"`, μ / L, and `"inverse of ortho"`, μ / √L, are the
inverses of the transforms with those."""

# The power of L, and the factor of one of a pair.
_FACTORS: dict[Norm, tuple[float, float]] = {
    "none": (0.0, 1.0),
    "ortho": (-0.5, 1.0),
    "parseval": (-0.5, 2**0.5),
    "inverse of none": (-1.0, 2.0),
    "inverse of ortho": (-0.5, 2.0),
}


@lru_cache(maxsize=4096)
def count(axes: tuple[Axis, ...]) -> int:
    """How many bins the half space has."""
    whole = math.prod(axis.modes + axis.pairs for axis in axes)
    return (whole + own(axes)) // 2


@lru_cache(maxsize=4096)
def own(axes: tuple[Axis, ...]) -> int:
    """How many bins are their own mirror image; they come first."""
    return math.prod(axis.own for axis in axes)


def frequencies(axes: tuple[Axis, ...]) -> list[tuple[int, ...]]:
    """The frequency of each bin, in order; on the last axis never negative."""
    if not axes:
        return [()]
    axis, behind = axes[0], frequencies(axes[1:])
    mine = list(range(axis.modes))
    single = [k for k in mine if 2 * k % axis.length == 0]
    pairs = [k for k in mine if 2 * k % axis.length != 0]
    if len(axes) == 1:
        return [(k,) for k in single + pairs]
    split = own(axes[1:])
    alone, rest = behind[:split], behind[split:]
    blocks = [(single, alone), (single, rest), (pairs, alone), (pairs, rest)]
    blocks.append(([-k for k in pairs], rest))
    return [(k, *others) for ours, theirs in blocks for k, others in product(ours, theirs)]


def pair_factor(norm: Norm) -> float:
    """The weight of one of a pair over that of a bin that is its own mirror image."""
    return _FACTORS[norm][1]


def own_weight(axes: tuple[Axis, ...], norm: Norm) -> float:
    """The weight of a bin that is its own mirror image."""
    lengths: int = math.prod(axis.length for axis in axes)
    return float(lengths ** _FACTORS[norm][0])


def weights(axes: tuple[Axis, ...], norm: Norm, like: Tensor) -> Tensor:
    """The weight of each bin, `(bins,)`."""
    whole = like.new_ones(count(axes))
    whole[own(axes) :] = pair_factor(norm)
    whole *= own_weight(axes, norm)
    return whole


def phases(axes: tuple[Axis, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    r"""Cosine and minus sine of :math:`2\pi \sum k p / L`, `(bins, samples)`, in float64."""
    turns = torch.zeros(count(axes), 1, dtype=torch.float64, device=device)
    for k, axis in zip(zip(*frequencies(axes), strict=True), axes, strict=True):
        own_turns = axis.turns(torch.tensor(k, device=device))
        turns = (turns.unsqueeze(-1) + own_turns.unsqueeze(1)).flatten(1)
    angle = turns * (2 * math.pi)
    return torch.cos(angle), -torch.sin(angle)
