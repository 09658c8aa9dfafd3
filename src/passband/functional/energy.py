"""How much of a map's energy lies below each frequency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from passband.functional.geometry import Geometry
from passband.transforms.fourier import analysis, frequencies


def energy_by_cutoff(x: Tensor, geometry: Geometry) -> dict[Fraction, float]:
    """The map's spectral energy, pooled over batch and channels, by the cutoff that lets it pass.

    A bin k belongs to the cutoff max |k| / (L / 2) over the axes: the smallest that keeps it. Each
    bin of the half spectrum counts with its multiplicity (Parseval), unlike in the reference
    implementation of Dziedzic et al., so the values sum to the energy of the map.

    Args:
        x: `(N, C, *space)`.
        geometry: of the convolution that reads it.

    Returns:
        Energy of each cutoff, in ascending order.
    """
    everything = geometry.with_modes([L // 2 + 1 for L in geometry.lengths])
    axes = everything.source
    energy = analysis(x.detach(), axes, "fft").double().square().sum(dim=(1, 2, 3)).tolist()
    cutoffs = [
        max(Fraction(abs(2 * k), axis.length) for k, axis in zip(bin_, axes, strict=True))
        for bin_ in frequencies(axes)
    ]
    pooled: dict[Fraction, float] = {}
    for cutoff, value in sorted(zip(cutoffs, energy, strict=True)):
        pooled[cutoff] = pooled.get(cutoff, 0.0) + value
    return pooled


def cutoff_for(pooled: dict[Fraction, float], share: float) -> Fraction:
    """The smallest cutoff that keeps at least this share of the energy."""
    wanted = share * math.fsum(pooled.values()) * (1 - 1e-12)
    passed = 0.0
    for cutoff in sorted(pooled):
        passed += pooled[cutoff]
        if passed >= wanted:
            return cutoff
    return max(pooled)


def modes_below(cutoff: Fraction, lengths: Sequence[int]) -> list[int]:
    """Mode counts that keep the frequencies up to a cutoff, inclusive."""
    return [math.floor(cutoff * L / 2) + 1 for L in lengths]


def energy_modes(x: Tensor, geometry: Geometry, share: float) -> list[int]:
    """Mode counts of the smallest band that holds this share of the batch's energy."""
    if not torch.isfinite(x).all():
        return list(geometry.modes)  # no band describes it: leave the map as it is
    cutoff = cutoff_for(energy_by_cutoff(x, geometry), share)
    below = modes_below(cutoff, geometry.lengths)
    return [min(m, most) for m, most in zip(below, geometry.modes, strict=True)]
