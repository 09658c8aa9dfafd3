"""How much of the energy that a convolution reads a band holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from passband.analysis.drawing import axes_or_new
from passband.analysis.named import of_name
from passband.analysis.watching import Maps, batches_of, layers_of, on_input, undisturbed
from passband.band import Band, FFTSize
from passband.convert.layers import BAND_OF, own_class
from passband.convert.observe import input_of
from passband.functional.arguments import check_choice, read_arguments
from passband.functional.energy import all_modes, by_cutoff, energy_by_bin
from passband.functional.geometry import Geometry
from passband.functional.preparation import prepare
from passband.nn.setting import BandSetting
from passband.transforms.fourier import frequencies

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEEPS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class LayerCurve:
    """Of one convolution.

    Attributes:
        name: of the module; empty for the model itself.
        keeps: of the bands.
        shares: of the energy of its input, on its rings, that each band holds; nan where there is
            no energy at all.
        by_cutoff: the energy of the frequencies that each cutoff lets pass, as a fraction of
            Nyquist, and no lower one, in ascending order.
        longest: points of its longest ring.
        fft_size: of the bands.
        convertible: whether it is band-limited, or becomes so by `passband.convert_`.
    """

    name: str
    keeps: tuple[float, ...]
    shares: tuple[float, ...]
    by_cutoff: Mapping[Fraction, float] = field(hash=False, repr=False)
    longest: int
    fft_size: FFTSize
    convertible: bool


@dataclass(frozen=True)
class EnergyCurves:
    """Of each convolution of maps that the batches reached.

    Attributes:
        layers: in the order of the model.
    """

    layers: tuple[LayerCurve, ...]

    def __getitem__(self, name: str) -> LayerCurve:
        """That of a layer."""
        return of_name(self.layers, name, "curve")

    def draw(self, axes: Axes | None = None) -> Axes:
        """The share of the energy by keep, a line for each layer.

        Args:
            axes: of matplotlib; by default those of a new figure.

        Raises:
            ImportError: matplotlib is not installed.
        """
        axes = axes_or_new(axes)
        for layer in self.layers:
            axes.plot(layer.keeps, layer.shares, ".-", label=layer.name or "the model")
        axes.set(xlabel="keep", ylabel="share of the energy", title="Energy that a band holds")
        axes.legend()
        return axes


def energy_curves(
    model: nn.Module,
    batches: Tensor | Iterable[object],
    keeps: Sequence[float] = KEEPS,
    fft_size: FFTSize = "minimal",
) -> EnergyCurves:
    """Which share of the energy of each convolution's input bands of some keeps hold.

    The bands are those of `Band(keep=...)` for the sizes of the maps, on the rings that the layer
    would have. As for `passband.calibrate_`, the model runs with all frequencies kept, in eval
    mode and without gradients, and energies are pooled over batch, channels and batches;
    afterwards bands, modes, hooks and random numbers are as they were.

    Args:
        model: any module with convolutions, band-limited or not. Those of a spectral network have
            no bands, and no curve.
        batches: inputs, or tuples whose first entry is the input, as a DataLoader yields them; a
            tensor alone is one batch.
        keeps: each in (0, 1].
        fft_size: of the bands of layers that are not band-limited; the others have their own.

    Raises:
        TypeError: model is no module, a batch no tensor, or a keep no number.
        ValueError: no convolution, no batch that reaches one, a keep out of range, or maps that are
            not finite.

    Source:
        Dziedzic et al., ICML 2019, section 3, choose bands by the energy that they hold.

    Examples:
        >>> wave = torch.cos(2 * torch.pi * 3 * torch.arange(16) / 16).view(1, 1, 16)
        >>> model = nn.Sequential(nn.Conv1d(1, 2, 3, padding=1, padding_mode="circular"))
        >>> curve = energy_curves(model, wave, keeps=(0.25, 0.45))["0"]
        >>> [round(share, 6) for share in curve.shares]
        [0.0, 1.0]
    """
    check_choice("energy_curves", "fft_size", fft_size, get_args(FFTSize))
    asked = tuple(Band(keep=keep).keep for keep in keeps)
    layers = layers_of("energy_curves", model)
    banded = {m: m.band for m in layers.values() if isinstance(m, BandSetting)}
    sums: dict[str, _Sums] = {}
    for name, layer in layers.items():
        size = layer.band.fft_size if isinstance(layer, BandSetting) else fft_size
        sums[name] = _Sums(name, layer, [Band(keep=keep, fft_size=size) for keep in asked], size)
    handles = [on_input(layer, sums[name].see) for name, layer in layers.items()]
    try:
        for one, band in banded.items():
            one.band = Band(keep=1.0, fft_size=band.fft_size)
        with undisturbed(model, handles), torch.no_grad():
            for batch in batches_of(batches):
                model(input_of("energy_curves", batch))
    finally:
        for one, band in banded.items():
            one.band = band
    if not any(one.pooled for one in sums.values()):
        raise ValueError("energy_curves: no batch reached a convolution; got no data")
    return EnergyCurves(tuple(one.curve() for one in sums.values() if one.pooled))


class _Sums:
    """Energies of what a layer has read."""

    def __init__(self, name: str, layer: _ConvNd, bands: list[Band], size: FFTSize) -> None:
        self.name, self.layer, self.bands, self.size = name, layer, bands, size
        self.pooled: dict[Fraction, float] = {}
        self.held = [0.0] * len(bands)
        self.longest = 1

    def see(self, maps: Maps) -> None:
        if not isinstance(maps, Tensor) or maps.numel() == 0:
            return
        x, geometry = _on_rings(self.layer, maps, Band(keep=1.0, fft_size=self.size))
        axes = all_modes(geometry)
        energy = energy_by_bin(x, axes)
        for cutoff, value in by_cutoff(energy, axes).items():
            if not isfinite(value):
                raise ValueError(f"energy_curves: the input of layer {self.name!r} is not finite")
            self.pooled[cutoff] = self.pooled.get(cutoff, 0.0) + value
        self.longest = max(self.longest, *(axis.length for axis in axes))
        reach = torch.tensor(frequencies(axes)).abs()
        energy = energy.cpu()
        for at, band in enumerate(self.bands):
            modes = _on_rings(self.layer, maps, band)[1].modes
            kept = (reach < torch.tensor(modes)).all(1)
            self.held[at] += float(energy[kept].sum())

    def curve(self) -> LayerCurve:
        total = sum(self.pooled.values())
        shares = tuple(held / total if total else float("nan") for held in self.held)
        keeps = tuple(float(band.keep) for band in self.bands if isinstance(band.keep, float))
        known = isinstance(self.layer, BandSetting) or (
            own_class(self.layer) in BAND_OF and any(k > 1 for k in self.layer.kernel_size)
        )
        return LayerCurve(
            self.name, keeps, shares, self.pooled, self.longest, self.size, convertible=known
        )


def _on_rings(layer: _ConvNd, maps: Tensor, band: Band) -> tuple[Tensor, Geometry]:
    """The maps as a band-limited layer would transform them, and where they lie."""
    args = read_arguments(
        type(layer).__name__, len(layer.kernel_size), layer.weight.shape, layer.stride,
        layer.padding, layer.dilation, layer.groups,
        output_padding=layer.output_padding if isinstance(layer, _ConvTransposeNd) else 0,
        padding_mode=layer.padding_mode,
        stride_mode=layer.stride_mode if isinstance(layer, BandSetting) else "sample",
        transposed=isinstance(layer, _ConvTransposeNd),
    )  # fmt: skip
    x, plan = prepare(args, maps, layer.weight, layer.bias, band, "auto")
    return x, plan.geometry
