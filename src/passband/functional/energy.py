"""How much of a map's energy lies below each frequency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from passband.band import Band, FFTSize
from passband.functional.geometry import Geometry
from passband.transforms.fourier import Axis, analysis, frequencies


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
    axes = all_modes(geometry)
    return by_cutoff(energy_by_bin(x, axes), axes)


def all_modes(geometry: Geometry) -> tuple[Axis, ...]:
    """The rings of a convolution's input, every frequency kept."""
    return geometry.with_modes([L // 2 + 1 for L in geometry.lengths]).source


def energy_by_bin(x: Tensor, axes: Sequence[Axis]) -> Tensor:
    """The energy of each bin of the half spectrum, with its multiplicity; `(bins,)`, float64.

    Args:
        x: `(N, C, *space)`, pooled over batch and channels.
        axes: its rings and bands.
    """
    return analysis(x.detach(), axes, "fft").double().square().sum(dim=(1, 2, 3))


def by_cutoff(energy: Tensor, axes: tuple[Axis, ...]) -> dict[Fraction, float]:
    """Energies of bins `(bins,)`, pooled by the cutoff that lets them pass, in ascending order."""
    cutoffs = [
        max(Fraction(abs(2 * k), axis.length) for k, axis in zip(bin_, axes, strict=True))
        for bin_ in frequencies(axes)
    ]
    pooled: dict[Fraction, float] = {}
    for cutoff, value in sorted(zip(cutoffs, energy.tolist(), strict=True)):
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


def band_for(pooled: dict[Fraction, float], share: float, longest: int, fft_size: FFTSize) -> Band:
    """The band of the smallest cutoff that keeps at least this share of the energy.

    Args:
        pooled: energy by cutoff.
        share: in (0, 1].
        longest: points of the longest ring that the energy is of.
        fft_size: of the band.
    """
    # A band of the mean alone is any cutoff below the first bin.
    cutoff = cutoff_for(pooled, share) or Fraction(1, longest)
    return Band(cutoff=float(cutoff), fft_size=fft_size)


def modes_below(cutoff: Fraction, lengths: Sequence[int]) -> list[int]:
    """Mode counts that keep the frequencies up to a cutoff, inclusive."""
    return [math.floor(cutoff * L / 2) + 1 for L in lengths]


def energy_modes(x: Tensor, geometry: Geometry, share: float) -> list[int]:
    """Mode counts of the smallest band that holds this share of the batch's energy.

    Raises:
        RuntimeError: the batch has no values that can be asked for.
    """
    try:
        finite = bool(torch.isfinite(x).all())
    except RuntimeError as error:
        raise RuntimeError(
            f"Band(energy={share}, dynamic=True) is chosen from the values of each batch, and "
            f"here there are none (the meta device, vmap, an exporter): fix the band with "
            f"passband.calibrate_(model, batches)"
        ) from error
    if not finite:
        return list(geometry.modes)  # no band describes it: leave the map as it is
    cutoff = cutoff_for(energy_by_cutoff(x, geometry), share)
    below = modes_below(cutoff, geometry.lengths)
    return [min(m, most) for m, most in zip(below, geometry.modes, strict=True)]
