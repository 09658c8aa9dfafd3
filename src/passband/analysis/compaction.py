"""Into how few numbers a transform gathers the energy of maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from passband.transforms.cosine import dct
from passband.transforms.fourier import Axis, Grid, analysis
from passband.transforms.fourier.bins import own
from passband.transforms.orthogonal import space_axes
from passband.transforms.wavelet import dwt

Transform = Literal["space", "dft", "dct", "haar", "db2", "db3", "db4"]
TRANSFORMS: tuple[Transform, ...] = get_args(Transform)
"""`"space"` is the map itself, `"haar"` to `"db4"` are wavelets of all levels."""

FLOAT_BITS = 32


def energy_compaction(
    maps: Tensor, transform: Transform, fractions: Sequence[float]
) -> tuple[float, ...]:
    r"""Which share of the energy of maps their largest coefficients hold.

    Of each map, one channel of one sample, the largest coefficients are kept: a `fraction` of n
    numbers, n its samples. All transforms are orthonormal, so the energy that is not kept is the
    squared error of the map that would be restored. The shares of the maps are averaged by their
    energies,

    .. math:: \sum_{maps} \sum_{kept} c^2 \Big/ \sum_{maps} \sum_p x_p^2

    A coefficient of the DFT is complex. It is kept as a whole, and stands for itself and its
    conjugate: two numbers, or one where it is its own conjugate (imaginary part 0). Coefficients
    are taken in the order of their magnitudes, as SpecNet's threshold takes them.

    Where `fraction` n ends within a coefficient, the share is interpolated: that of maps some of
    which keep the coefficient.

    Args:
        maps: `(N, C, *space)`, real floating point.
        transform: one of `TRANSFORMS`, on all axes of space.
        fractions: each from 0 to 1, of the numbers that are kept.

    Returns:
        A share from 0 to 1 for each fraction; nan where all maps are zero.

    Raises:
        TypeError: no real floating-point tensor, or a fraction that is not a number.
        ValueError: unknown transform, or a fraction out of range.
        RuntimeError: no axes of space, or one without samples.

    Source:
        The definition is that of transform coding, as in Jain, "Fundamentals of Digital Image
        Processing", 1989, section 5.6; thresholds: Guan et al., "SpecNet", 2019, section 3.

    Examples:
        >>> maps = torch.tensor([[[2.0, 2.0, 2.0, 2.0]], [[0.0, 2.0, 0.0, 0.0]]])
        >>> [round(share, 3) for share in energy_compaction(maps, "space", [0.25, 0.5, 1])]
        [0.4, 0.6, 1.0]
        >>> [round(share, 3) for share in energy_compaction(maps, "haar", [0.25, 0.5, 1])]
        [0.9, 0.95, 1.0]
    """
    for fraction in fractions:
        _check(fraction)
    energies = _energies(maps, transform)
    kept = energies.sort(dim=1, descending=True).values.double().sum(0).cumsum(0)
    shares = [0.0, *(kept / kept[-1]).tolist()]
    return tuple(_at(shares, float(fraction)) for fraction in fractions)


def relative_bytes(fraction: float, transform: Transform) -> float:
    """Bytes of sparse coefficients against those of the dense map, in float32.

    Sparse coefficients are a mask of one bit for each that could be kept, and the kept numbers
    packed. A complex coefficient of the DFT needs one bit for its two numbers.

    Args:
        fraction: of the numbers that are kept, from 0 to 1.
        transform: one of `TRANSFORMS`.

    Raises:
        TypeError: `fraction` is not a number.
        ValueError: unknown transform, or `fraction` out of range.

    Source:
        SpecNet, section 3, stores its maps so.

    Examples:
        >>> relative_bytes(0.25, "dct"), relative_bytes(0.25, "dft")
        (0.28125, 0.265625)
    """
    _check(fraction)
    _check_transform(transform)
    numbers_per_bit = 2 if transform == "dft" else 1
    return fraction + 1 / (FLOAT_BITS * numbers_per_bit)


def _energies(maps: Tensor, transform: Transform) -> Tensor:
    """The energy of each number of each map, `(N C, n)`."""
    space_axes("energy_compaction", maps, None)
    _check_transform(transform)
    maps = maps.detach()
    maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
    if transform == "space":
        numbers = maps
    elif transform == "dct":
        numbers = dct(maps)
    elif transform == "dft":
        return _of_pairs(maps)
    else:
        numbers = dwt(maps, transform)
    return numbers.square().flatten(2).flatten(0, 1)


def _of_pairs(maps: Tensor) -> Tensor:
    """The energies of a DFT's numbers: the two of a complex coefficient have half of it each.

    Side by side in descending order, they are kept or dropped as one. And their order is that of
    magnitudes, since a coefficient without a conjugate has half the weight of the others.
    """
    axes = tuple(Axis(n, n // 2 + 1, Grid(0, 1, n)) for n in maps.shape[2:])
    bins = analysis(maps, axes).square().sum(1).flatten(1).T
    single, pairs = bins[:, : own(axes)], bins[:, own(axes) :] / 2
    return torch.cat((single, pairs, pairs), 1)


def _at(shares: Sequence[float], fraction: float) -> float:
    """The share of a fraction, between those of whole numbers."""
    budget = fraction * (len(shares) - 1)
    low = min(int(budget), len(shares) - 2)
    return shares[low] + (budget - low) * (shares[low + 1] - shares[low])


def _check(fraction: object) -> None:
    if isinstance(fraction, bool) or not isinstance(fraction, int | float):
        raise TypeError(f"a fraction is a number from 0 to 1; got {fraction!r}")
    if not 0 <= fraction <= 1:  # also refuses nan
        raise ValueError(f"a fraction lies in [0, 1]; got {fraction!r}")


def _check_transform(transform: object) -> None:
    if not isinstance(transform, str) or transform not in TRANSFORMS:
        raise ValueError(f"transform is one of {', '.join(TRANSFORMS)}; got {transform!r}")
