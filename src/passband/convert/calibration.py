"""Bands chosen from data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from torch import Tensor, nn

from passband.band import Band
from passband.convert.layers import band_layers, check_model
from passband.convert.observe import input_of, observing
from passband.functional.energy import band_for, energy_by_cutoff
from passband.nn.setting import BandSetting


def calibrate_(
    model: nn.Module, batches: Iterable[object], energy: float | None = None
) -> dict[str, Band]:
    """Fix each layer's band as the smallest that holds a share of its input's energy.

    Runs the batches through the model with all frequencies kept, in eval mode and without
    gradients, pools each layer's spectral energy over them, and sets the layer's band to the
    cutoff found, which is then the same for every input.

    Args:
        model: a model with band-limited layers.
        batches: inputs, or tuples whose first entry is the input, as a DataLoader yields them.
        energy: share of the energy to keep, in (0, 1]; by default each layer's own, as stated by
            its `Band(energy=...)`.

    Returns:
        The band of each layer that saw data, by name.

    Raises:
        TypeError: model is no module, or a batch is no tensor.
        ValueError: no band-limited layer, no batch, no energy to keep, or maps that are not finite.
            No band is changed then.

    Examples:
        >>> import torch
        >>> from passband import convert_
        >>> model = nn.Sequential(nn.Conv1d(1, 4, 5))
        >>> _ = convert_(model, Band(energy=0.9))
        >>> calibrate_(model, [torch.ones(2, 1, 32)])  # a constant: nearly all energy at k = 0
        {'0': Band(cutoff=0.03125)}
    """
    check_model("calibrate_", model)
    layers = band_layers(model)
    if not layers:
        raise ValueError(
            f"calibrate_: {type(model).__name__} has no band-limited layer: use convert_ first"
        )
    shares = {name: _share(name, layer, energy) for name, layer in layers.items()}
    pooled = _pooled_energy(model, batches, layers)
    bands = {
        name: band_for(spectrum, shares[name], longest, layers[name].band.fft_size)
        for name, (spectrum, longest) in pooled.items()
    }
    for name, band in bands.items():
        layers[name].band = band
    return bands


def _share(name: str, layer: BandSetting, energy: float | None) -> float:
    share = layer.band.energy if energy is None else Band(energy=energy).energy
    if share is None:
        raise ValueError(
            f"calibrate_: layer {name!r} has {layer.band}, which states no energy: give energy=..."
        )
    return share


def _pooled_energy(
    model: nn.Module, batches: Iterable[object], layers: dict[str, BandSetting]
) -> dict[str, tuple[dict[Fraction, float], int]]:
    """Energy by cutoff, and the longest ring, of each layer's input over all batches."""
    names = {layer: name for name, layer in layers.items()}
    bands = {layer: layer.band for layer in names}
    pooled: dict[str, tuple[dict[Fraction, float], int]] = {}

    def see(layer: BandSetting, x: Tensor) -> None:
        x, plan = layer.prepared(x)
        if x.numel() == 0:
            return
        name = names[layer]
        spectrum, longest = pooled.get(name, ({}, 1))
        for cutoff, value in energy_by_cutoff(x, plan.geometry).items():
            if not math.isfinite(value):
                raise ValueError(f"calibrate_: the input of layer {name!r} is not finite")
            spectrum[cutoff] = spectrum.get(cutoff, 0.0) + value
        pooled[name] = spectrum, max(longest, *plan.geometry.lengths)

    try:
        for layer, band in bands.items():
            layer.band = Band(keep=1.0, fft_size=band.fft_size)
        with observing(model, names, see):
            for batch in batches:
                model(input_of("calibrate_", batch))
    finally:
        for layer, band in bands.items():
            layer.band = band
    if not pooled:
        raise ValueError("calibrate_: no batch reached a band-limited layer; got no data")
    return pooled
