"""Bands for the layers of a model, from the energy that they read."""

from __future__ import annotations

from passband.analysis.energy_curves import EnergyCurves
from passband.band import Band
from passband.functional.energy import band_for


def suggest_bands(curves: EnergyCurves, energy: float = 0.95) -> dict[str, Band]:
    """For each layer the narrowest band, at one cutoff, that holds a share of its input's energy.

    The bands that `passband.calibrate_` sets for the same data, but of any model, and nothing is
    set: give them to `passband.set_band_` after `passband.convert_`.

    Args:
        curves: of the model, by `energy_curves`.
        energy: share of the energy, in (0, 1].

    Returns:
        By name, of the layers that are band-limited or that `convert_` makes so: pointwise
        convolutions only if they are band-limited already.

    Raises:
        TypeError: no curves, or a share that is no number.
        ValueError: a share out of range.

    Examples:
        >>> import torch
        >>> import passband as pb
        >>> model = torch.nn.Sequential(torch.nn.Conv1d(1, 4, 5))
        >>> curves = pb.analysis.energy_curves(model, torch.ones(2, 1, 32))
        >>> bands = suggest_bands(curves, energy=0.9)
        >>> bands
        {'0': Band(cutoff=0.03125)}
        >>> _ = pb.convert_(model, pb.Band(keep=1))
        >>> pb.set_band_(model, bands)
    """
    if not isinstance(curves, EnergyCurves):
        raise TypeError(
            f"suggest_bands: give the curves of a model, energy_curves(model, batches); got "
            f"{type(curves).__name__}"
        )
    share = Band(energy=energy).energy
    assert share is not None
    return {
        layer.name: band_for(dict(layer.by_cutoff), share, layer.longest, layer.fft_size)
        for layer in curves.layers
        if layer.convertible
    }
