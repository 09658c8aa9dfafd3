"""The energy of maps by the distance of their frequencies from zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from passband.analysis.drawing import axes_or_new
from passband.functional.energy import energy_by_bin
from passband.functional.spectral.spectrum import Spectrum, rings
from passband.transforms.fourier import Axis, Grid, frequencies
from passband.transforms.fourier.bins import own, own_weight
from passband.transforms.orthogonal import space_axes
from passband.transforms.remembered import remembered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_AXES = 3


@dataclass(frozen=True, eq=False)
class RadialEnergy:
    """Energy by radial frequency, pooled over batch and channels.

    With L points on an axis, a bin k lies there at the fraction k / (L / 2) of Nyquist. The bin's
    radius is the length of the vector of these fractions, counted in steps of the longest axis and
    rounded to a whole number: on a ring or a square, of `|k|`. Each bin counts with its mirror
    image.

    Attributes:
        frequencies: `(radii,)`, float64, of each whole radius as a fraction of Nyquist; above 1 in
            the corners of several axes.
        energy: `(radii,)`, float64; sums to the sum of the squares of the maps (Parseval).
        points: `(radii,)`, float64: how many of the transform's frequencies have that radius.

    Source:
        The radially averaged power spectrum, as in Durall et al., "Watch your Up-Convolution",
        CVPR 2020, section 3, for any number of axes.
    """

    frequencies: Tensor
    energy: Tensor
    points: Tensor

    @property
    def total(self) -> float:
        """All energy."""
        return float(self.energy.sum())

    @property
    def share(self) -> Tensor:
        """`(radii,)`: of all energy; nan where there is none at all."""
        return self.energy / self.energy.sum()

    @property
    def density(self) -> Tensor:
        """`(radii,)`: energy of one frequency; nan at a radius that no frequency has."""
        return self.energy / self.points

    @property
    def relative(self) -> Tensor:
        """`(radii,)`: the density over that of white noise of the same energy, which is 1."""
        return self.density * (self.points.sum() / self.energy.sum())

    @property
    def mean_frequency(self) -> float:
        """The frequency at which the energy lies in the mean, as a fraction of Nyquist."""
        return float((self.share * self.frequencies).sum())

    def draw(self, axes: Axes | None = None, label: str | None = None) -> Axes:
        """The density over that of white noise, by frequency.

        Args:
            axes: of matplotlib; by default those of a new figure.
            label: of the line.

        Raises:
            ImportError: matplotlib is not installed.
        """
        axes = axes_or_new(axes)
        there = self.energy > 0
        axes.plot(
            self.frequencies[there].tolist(), self.relative[there].tolist(), ".-", label=label
        )
        if bool(there.any()):
            axes.set_yscale("log")
        axes.set(xlabel="frequency (fraction of Nyquist)", ylabel="energy (white noise is 1)")
        return axes


def radial_energy(maps: Tensor | Spectrum, lengths: Sequence[int] | None = None) -> RadialEnergy:
    """The energy of maps by radial frequency.

    Args:
        maps: `(N, C, *space)`, real floating point, with one to three axes of space; or the
            spectrum of such maps, on its own points. Half precision is computed in float32.
        lengths: points of the transform on each axis, with zeros behind the samples; by default as
            many as samples.

    Returns:
        The sum over batch and channels, on the CPU.

    Raises:
        TypeError: no real floating-point tensor.
        ValueError: lengths that do not fit the axes; or those of a spectrum, which has its own.
        RuntimeError: another number of axes, or one without samples.

    Examples:
        >>> wave = torch.cos(2 * torch.pi * 3 * torch.arange(16) / 16)
        >>> found = radial_energy(wave.view(1, 1, 16))
        >>> found.energy.round(decimals=3).tolist(), found.frequencies[3].item()
        ([0.0, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0], 0.375)
    """
    if isinstance(maps, Spectrum):
        if lengths is not None:
            raise ValueError(
                f"radial_energy: a spectrum has {maps.lengths} points of its own; got "
                f"lengths={lengths!r}"
            )
        return of_spectrum(maps, maps.values)
    space_axes("radial_energy", maps, None)
    space = maps.shape[2:]
    if len(space) > MOST_AXES:
        raise RuntimeError(
            f"radial_energy: maps have one to {MOST_AXES} axes of space; got shape "
            f"{tuple(maps.shape)}"
        )
    points = tuple(space if lengths is None else lengths)
    if len(points) != len(space) or any(n > L for L, n in zip(points, space, strict=True)):
        raise ValueError(
            f"radial_energy: as many lengths as axes of space, and at least as many points as "
            f"samples; got lengths={lengths!r} for shape {tuple(maps.shape)}"
        )
    return on_rings(maps, [Grid(0, 1, n) for n in space], points)


def on_rings(maps: Tensor, grids: Sequence[Grid], lengths: tuple[int, ...]) -> RadialEnergy:
    """Of maps whose samples lie on grids of rings, with zeros elsewhere."""
    axes = [Axis(L, L // 2 + 1, grid) for L, grid in zip(lengths, grids, strict=True)]
    return of_bins(energy_by_bin(maps, axes), lengths)


def of_spectrum(spectrum: Spectrum, values: Tensor, *, gradient: bool = False) -> RadialEnergy:
    """Of values `(bins, 2, N, C)` like those of a spectrum.

    Args:
        spectrum: gives lengths and norm.
        values: themselves, or the gradient with respect to them.
        gradient: which of both; the energy of a gradient is that of the gradient with respect to
            the maps on the spectrum's points.
    """
    # Coordinates in which squares sum to the map's energy are the values times the root of these.
    of_norm = spectrum.norm != "ortho"
    weights = spectrum.multiplicity.double()
    if of_norm:
        weights = weights * own_weight(rings(spectrum.lengths), "inverse of none")
    squares = values.detach().double().square().sum(dim=(1, 2, 3))
    return of_bins(squares / weights if gradient else squares * weights, spectrum.lengths)


def of_bins(energy: Tensor, lengths: tuple[int, ...]) -> RadialEnergy:
    """Of energies of all bins of the half spectrum, `(bins,)`, each with its multiplicity."""
    radii, points, fractions = _radii(lengths)
    pooled = torch.zeros_like(points).index_add(0, radii, energy.double().cpu())
    return RadialEnergy(fractions.clone(), pooled, points.clone())


def added(one: RadialEnergy | None, other: RadialEnergy) -> RadialEnergy:
    """The energies of maps of one size, together."""
    return other if one is None else replace(one, energy=one.energy + other.energy)


@remembered
def _radii(lengths: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The radius of each bin; the frequencies that each radius has; its fraction of Nyquist."""
    axes = rings(lengths)
    nyquist = torch.tensor(lengths, dtype=torch.float64) / 2
    k = torch.tensor(frequencies(axes), dtype=torch.float64)
    longest = float(nyquist.max())
    # Rounded first, so that 2.5 in exact arithmetic is no 2.4999.
    radii = ((k / nyquist).norm(dim=1) * longest).round(decimals=9).add(0.5).floor().long()
    multiplicity = torch.full((len(k),), 2.0, dtype=torch.float64)
    multiplicity[: own(axes)] = 1
    points = torch.zeros(int(radii.max()) + 1, dtype=torch.float64)
    points.index_add_(0, radii, multiplicity)
    return radii, points, torch.arange(len(points), dtype=torch.float64) / longest
