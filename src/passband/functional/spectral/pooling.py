"""Spectral pooling of a spectrum: the low frequencies, as fewer samples have them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from passband.functional.spectral.spectrum import Spectrum, rings
from passband.transforms.fourier import count, frequencies
from passband.transforms.recording import check_followed, opaque
from passband.transforms.remembered import recalled, remembered


@opaque
def pooled_spectrum(name: str, spectrum: Spectrum, sizes: Sequence[int | None]) -> Spectrum:
    """The spectrum of maps of these sizes; the margin becomes smaller with the map.

    Args:
        name: of the caller, for errors.
        spectrum: of maps `(N, C, *space)`.
        sizes: samples of each axis; None leaves an axis as it is.

    Raises:
        RuntimeError: a wrong number of axes; a function transform.
        ValueError: a size above the map's, or with which the transform length is no whole number.
    """
    check_followed(name)
    if len(spectrum.space) != len(sizes):
        raise RuntimeError(
            f"{name}: for {len(sizes)} space axes; got the spectrum of {spectrum.shape}"
        )
    space, lengths = [], []
    for n, L, o in zip(spectrum.space, spectrum.lengths, sizes, strict=True):
        o = n if o is None else o
        if o > n:
            raise ValueError(
                f"{name}: spectral pooling makes maps smaller; got output_size={tuple(sizes)} for "
                f"a map of {spectrum.space}"
            )
        if L * o % n:
            raise ValueError(
                f"{name}: {n} samples and {L - n} of margin become {o} samples and "
                f"{(L - n) * o / n:g}: choose a margin with which that is a whole number"
            )
        space.append(o)
        lengths.append(L * o // n)
    pooled = tuple(lengths)
    device = spectrum.values.device
    target, source, sign = recalled(_sources, spectrum.lengths, pooled, device)
    values, number = spectrum.values, count(rings(pooled))
    signs = torch.stack([torch.ones_like(sign), sign], 1).to(values.dtype)[..., None, None]
    out: Tensor = _Gathered.apply(values, target, source, signs, number)  # type: ignore[no-untyped-call]
    unit = Spectrum(out, tuple(space), pooled, spectrum.norm).unit
    return Spectrum(out * (unit / spectrum.unit), tuple(space), pooled, spectrum.norm)


class _Gathered(torch.autograd.Function):
    """Bins times signs, added up; holds the indices alone."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, target: Tensor, source: Tensor, signs: Tensor, number: int
    ) -> Tensor:
        ctx.places, ctx.bins = (target, source, signs), len(values)
        out = values.new_zeros(number, *values.shape[1:])
        return out.index_add_(0, target, values[source] * signs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        target, source, signs = ctx.places
        back: Tensor = _Gathered.apply(grad, source, target, signs, ctx.bins)  # type: ignore[no-untyped-call]
        return back, None, None, None, None


@remembered
def _sources(
    lengths: tuple[int, ...], pooled: tuple[int, ...], device: torch.device
) -> tuple[Tensor, ...]:
    """Which bins add up to which, and the sign of their imaginary part: -1 for a mirrored one.

    A bin of the smaller transform is the same frequency of the larger one; its Nyquist frequency is
    both ±L / 2.
    """
    places: dict[tuple[int, ...], tuple[int, float]] = {}
    for i, k in enumerate(frequencies(rings(lengths))):
        places[tuple(-one % L for one, L in zip(k, lengths, strict=True))] = i, -1.0
        places[tuple(one % L for one, L in zip(k, lengths, strict=True))] = i, 1.0
    found = []
    for i, k in enumerate(frequencies(rings(pooled))):
        each = [
            (one, -one) if small < large and 2 * abs(one) == small else (one,)
            for one, small, large in zip(k, pooled, lengths, strict=True)
        ]
        for other in itertools.product(*each):
            at = places[tuple(one % L for one, L in zip(other, lengths, strict=True))]
            found.append((i, *at))
    target, source, sign = zip(*found, strict=True)
    return tuple(torch.tensor(numbers, device=device) for numbers in (target, source, sign))
