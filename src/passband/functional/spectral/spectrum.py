"""The spectrum of maps, as it flows from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, get_args

import torch
from torch import Tensor

from passband.functional.spectral.held import Held, itself
from passband.transforms.fourier import Axis, Grid, count, frequencies
from passband.transforms.fourier.bins import own, own_weight
from passband.transforms.remembered import recalled, remembered

SpectrumNorm = Literal["ortho", "backward"]
"""As in `torch.fft`: with L points in all, `"ortho"` divides by √L there and back, `"backward"` by
L on the way back only."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The half spectrum of real maps, no frequency left out.

    Two sizes belong to it. The maps have `space` samples, and the transform `lengths` points, more
    by the margin: zeros behind the samples, which take up what wraps around.

    Attributes:
        values: `(bins, 2, N, C)`, real and imaginary part of one bin of each pair ±k, real floating
            point. Their order is that of `frequencies`.
        space: samples of the maps on each axis.
        lengths: points of the transform on each axis, at least as many.
        norm: `"ortho"`, or `"backward"`; see `SpectrumNorm`.

    Raises:
        TypeError: the values are no real floating-point tensor.
        ValueError: their shape does not fit the lengths, or these the space; another norm.

    Examples:
        >>> x = torch.arange(12.0).view(1, 1, 3, 4)
        >>> s = Spectrum.of_complex(torch.fft.rfft2(x, norm="ortho"), (3, 4))
        >>> s.values.shape, s.frequencies[:3]
        (torch.Size([7, 2, 1, 1]), [(0, 0), (0, 2), (0, 1)])
    """

    values: Tensor
    space: tuple[int, ...]
    lengths: tuple[int, ...]
    norm: SpectrumNorm = "ortho"
    # How backward holds the values; made when the first function asks for it.
    keep: Callable[[], Held] | None = field(default=None, repr=False)
    # Which coefficients a threshold has kept, one bit each.
    mask: Tensor | None = field(default=None, repr=False)
    _version: int | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        v = self.values
        version = v._version if isinstance(v, Tensor) and not v.is_inference() else None
        object.__setattr__(self, "_version", version)
        if not isinstance(v, Tensor) or not v.is_floating_point():
            given = v.dtype if isinstance(v, Tensor) else type(v).__name__
            raise TypeError(f"Spectrum: values are a real floating-point tensor; got {given}")
        if self.norm not in get_args(SpectrumNorm):
            raise ValueError(f"Spectrum: norm is 'ortho' or 'backward'; got {self.norm!r}")
        fits = len(self.space) == len(self.lengths) > 0
        if not fits or any(not 1 <= n <= L for n, L in zip(self.space, self.lengths, strict=True)):
            raise ValueError(
                f"Spectrum: each axis has at least one sample and as many points; got "
                f"space={self.space} and lengths={self.lengths}"
            )
        bins = count(rings(self.lengths))
        if v.dim() != 4 or v.shape[:2] != (bins, 2):
            raise ValueError(
                f"Spectrum: values of {self.lengths} points are ({bins}, 2, N, C); got "
                f"{tuple(v.shape)}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the maps, `(N, C, *space)`."""
        return *self.values.shape[2:], *self.space

    @property
    def frequencies(self) -> list[tuple[int, ...]]:
        """Of each bin, one whole number for each axis; on the last axis never negative."""
        return frequencies(rings(self.lengths))

    @property
    def multiplicity(self) -> Tensor:
        """`(bins,)`: 1 for a bin that is its own mirror image, 2 for one of a pair."""
        out = self.values.new_full((len(self.values),), 2.0)
        out[: own(rings(self.lengths))] = 1.0
        return out

    @property
    def own(self) -> int:
        """How many bins are their own mirror image; they come first."""
        return own(rings(self.lengths))

    @property
    def unit(self) -> float:
        """The DC coefficient of maps that are 1 everywhere."""
        return math.prod(self.lengths) * own_weight(rings(self.lengths), analysis_norm(self.norm))

    def density(self) -> float:
        """Share of the coefficients that are not zero."""
        return float((self.values.detach() != 0).any(1).float().mean())

    def held(self) -> Held:
        """What a function holds of the values for backward, and how it has them again."""
        values = self.values
        moved = values.is_inference() or values._version != self._version
        return itself(values) if self.keep is None or moved else self.keep()

    def with_values(
        self,
        values: Tensor,
        keep: Callable[[], Held] | None = None,
        mask: Tensor | None = None,
    ) -> Spectrum:
        """Another spectrum of the same sizes."""
        return Spectrum(values, self.space, self.lengths, self.norm, keep, mask)

    def complex(self) -> Tensor:
        """As `torch.fft.rfftn` has it: `(N, C, *lengths)`, the last axis halved; complex.

        Half precision becomes complex64.
        """
        halved = *self.lengths[:-1], self.lengths[-1] // 2 + 1
        if not self.values.numel():
            real = torch.float64 if self.values.dtype == torch.float64 else torch.float32
            return self.values.new_zeros(*self.values.shape[2:], *halved, dtype=real.to_complex())
        wide = self.values if self.values.dtype == torch.float64 else self.values.float()
        z = torch.view_as_complex(wide.permute(2, 3, 0, 1).contiguous())
        out = z.new_zeros(*z.shape[:2], math.prod(halved))
        there, back, mirrored = recalled(_places, self.lengths, z.device)
        out = out.index_copy(2, there, z)
        out = out.index_copy(2, mirrored, z[..., back].conj())
        whole: Tensor = out.unflatten(2, halved)
        return whole

    @classmethod
    def of_complex(
        cls,
        z: Tensor,
        lengths: tuple[int, ...],
        space: tuple[int, ...] | None = None,
        norm: SpectrumNorm = "ortho",
    ) -> Spectrum:
        """From what `torch.fft.rfftn` returns.

        Args:
            z: `(N, C, *lengths)`, the last axis halved; of each mirrored pair one is read.
            lengths: points of the transform.
            space: samples of the maps, by default all.
            norm: of `z`.

        Raises:
            ValueError: the shape is not that of such lengths.
        """
        halved = *lengths[:-1], lengths[-1] // 2 + 1
        if not z.is_complex() or tuple(z.shape[2:]) != halved:
            raise ValueError(
                f"Spectrum.of_complex: z is complex (N, C, {', '.join(map(str, halved))}) for "
                f"lengths={lengths}; got {z.dtype} {tuple(z.shape)}"
            )
        there, _, _ = recalled(_places, lengths, z.device)
        values = torch.view_as_real(z.flatten(2)[:, :, there]).permute(2, 3, 0, 1)
        return cls(values.contiguous(), space or lengths, lengths, norm)

    def __add__(self, other: Spectrum) -> Spectrum:
        """The spectrum of the sum of the maps.

        Raises:
            TypeError: the other is no spectrum.
            ValueError: they differ in sizes, norm, batch or channels.
        """
        if not isinstance(other, Spectrum):
            return NotImplemented
        check_alike("+", [self, other])
        if self.values.shape != other.values.shape:
            raise ValueError(
                f"+: spectra of maps {self.shape} and {other.shape} cannot be added; they have the "
                f"same batch and channels"
            )
        return self.with_values(self.values + other.values)


def check_alike(name: str, spectra: list[Spectrum]) -> None:
    """That spectra stand for maps on the same grid.

    Raises:
        ValueError: they differ in space, lengths or norm.
    """
    first = spectra[0]
    for other in spectra[1:]:
        for what in ("space", "lengths", "norm"):
            mine, its = getattr(first, what), getattr(other, what)
            if mine != its:
                raise ValueError(
                    f"{name}: the spectra have the same {what}; got {mine!r} and {its!r}"
                )


def analysis_norm(norm: SpectrumNorm) -> Literal["ortho", "none"]:
    """What `transforms.fourier` calls it."""
    return "ortho" if norm == "ortho" else "none"


@lru_cache(maxsize=1024)
def rings(lengths: tuple[int, ...]) -> tuple[Axis, ...]:
    """The axes of a transform of which every frequency is kept."""
    return tuple(Axis(L, L // 2 + 1, Grid(0, 1, L)) for L in lengths)


@remembered
def _places(lengths: tuple[int, ...], device: torch.device) -> tuple[Tensor, ...]:
    """Where the bins lie in a flattened half of all frequencies; which are there twice, and where.

    Of a pair with k = 0 or Nyquist on the last axis `torch.fft` has both.
    """
    halved = (*lengths[:-1], lengths[-1] // 2 + 1)

    def place(k: tuple[int, ...]) -> int:
        at = 0
        for one, L, size in zip(k, lengths, halved, strict=True):
            at = at * size + one % L
        return at

    ks = frequencies(rings(lengths))
    there = [place(k) for k in ks]
    twice = [
        i for i, k in enumerate(ks) if 2 * k[-1] % lengths[-1] == 0 and i >= own(rings(lengths))
    ]
    mirrored = [place(tuple(-one for one in ks[i])) for i in twice]
    return tuple(
        torch.tensor(places, dtype=torch.long, device=device) for places in (there, twice, mirrored)
    )
