"""Orthonormal wavelets on rings: a map as averages on ever coarser grids, and what they lack.

One step along an axis splits its samples into half as many averages (scaling coefficients), which
come first, and as many details. A level is such a step along each axis; the next level splits the
averages of all axes. So the coefficients form the usual pyramid, in a tensor of the map's shape.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from passband.transforms.orthogonal import orthogonal, space_axes, table


def _daubechies(moments: int) -> tuple[float, ...]:
    r"""The scaling filter of 2N taps whose wavelet has N vanishing moments, least phase.

    Spectral factorisation: the squared magnitude of the filter is that of :math:`(1 + z)^N` times
    :math:`P(y) = \sum_{k<N} \binom{N-1+k}{k} y^k` at :math:`y = (2 - z - 1/z) / 4`. Each root of P
    is a pair z, 1/z of roots; the filter gets the one inside the unit circle.

    Source:
        Daubechies, "Orthonormal bases of compactly supported wavelets", Communications on Pure and
        Applied Mathematics, 1988, section 4.
    """
    zeros: list[complex] = [-1] * moments
    for y in _roots([math.comb(moments - 1 + k, k) for k in range(moments)]):
        middle = 1 - 2 * y  # of z and 1/z
        apart = cmath.sqrt(middle**2 - 1)
        zeros.append(min(middle + apart, middle - apart, key=abs))
    taps: list[complex] = [1]
    for zero in zeros:
        taps = [a - zero * b for a, b in zip([*taps, 0], [0, *taps], strict=True)]
    total = sum(tap.real for tap in taps)
    return tuple(math.sqrt(2) * tap.real / total for tap in taps)


def _roots(ascending: Sequence[int]) -> list[complex]:
    """The simple roots of a polynomial, all at once (Weierstrass, Durand and Kerner)."""
    degree, leading = len(ascending) - 1, ascending[-1]
    roots = [(0.4 + 0.9j) ** k for k in range(degree)]
    for _ in range(60):
        for i, root in enumerate(roots):
            value = sum(a * root**k for k, a in enumerate(ascending)) / leading
            roots[i] -= value / math.prod(root - other for j, other in enumerate(roots) if j != i)
    return roots


SCALING = {name: _daubechies(n) for name, n in (("haar", 1), ("db2", 2), ("db3", 3), ("db4", 4))}
"""The scaling filter h of each wavelet; its wavelet filter is g[j] = (-1)^j h[-1 - j]."""


def dwt(
    x: Tensor, wavelet: str = "haar", levels: int | None = None, dims: int | None = None
) -> Tensor:
    r"""The orthonormal wavelet transform on the last axes of real maps, periodic at the borders.

    One step along an axis of even length n, with scaling filter h and wavelet filter g,

    .. math:: a_k = \sum_j h_j\, x_{(2k + j) \bmod n}, \quad d_k = \sum_j g_j\, x_{(2k + j) \bmod n}

    becomes `a, d` on the axis. Where n is odd, its last sample is left out of the ring and becomes
    the last of the averages as it is: still orthonormal, but a constant map is then no longer a
    single coefficient. The energy of the coefficients is that of the map (Parseval).
    Differentiable any number of times; autograd holds nothing for it.

    Args:
        x: `(N, C, *space)`, real floating point; float16 and bfloat16 are computed in float32.
        wavelet: `"haar"`, `"db2"`, `"db3"` or `"db4"`, with 2, 4, 6 or 8 taps.
        levels: how often averages are split again; by default until there is only one.
        dims: how many of the last axes are transformed; by default all behind batch and channels.

    Returns:
        Coefficients in the shape and dtype of `x`: on each axis of n, the first `ceil(n / 2)` are
        averages, split again in the next level, and the others details.

    Raises:
        TypeError: no real floating-point tensor, or `levels` or `dims` are not whole numbers.
        ValueError: unknown wavelet, `levels` below 0 or more than by default, `dims` below 1.
        RuntimeError: the map has fewer axes, or one of them has no samples.

    Source:
        Mallat, "A theory for multiresolution signal decomposition", IEEE Transactions on PAMI,
        1989.

    Examples:
        >>> dwt(torch.tensor([[[5.0, 5.0, 3.0, 3.0]]])).round()
        tensor([[[8., 2., 0., 0.]]])
    """
    there, back = _steps("dwt", x, wavelet, levels, dims)
    return orthogonal(x, there, back)


def idwt(
    c: Tensor, wavelet: str = "haar", levels: int | None = None, dims: int | None = None
) -> Tensor:
    """The inverse and adjoint of `dwt`.

    Args:
        c: coefficients `(N, C, *space)` in the order of `dwt`, real floating point.
        wavelet: as in `dwt`.
        levels: as in `dwt`.
        dims: as in `dwt`.

    Returns:
        Maps in the shape and dtype of `c`.

    Raises:
        TypeError, ValueError, RuntimeError: as `dwt` does.

    Examples:
        >>> idwt(torch.tensor([[[8.0, 2.0, 0.0, 0.0]]])).round()
        tensor([[[5., 5., 3., 3.]]])
    """
    there, back = _steps("idwt", c, wavelet, levels, dims)
    return orthogonal(c, back, there)


def most_levels(sizes: Sequence[int]) -> int:
    """How many levels leave a single average of maps of these sizes."""
    return (max(sizes) - 1).bit_length()


def _steps(
    name: str, x: Tensor, wavelet: object, levels: object, dims: object
) -> tuple[partial[Tensor], partial[Tensor]]:
    """The transform and its inverse, of checked arguments."""
    dims = space_axes(name, x, dims)
    if not isinstance(wavelet, str) or wavelet not in SCALING:
        raise ValueError(f"{name}: wavelet is one of {', '.join(SCALING)}; got {wavelet!r}")
    sizes = tuple(x.shape[x.dim() - dims :])
    most = most_levels(sizes)
    if levels is None:
        levels = most
    elif isinstance(levels, bool) or not isinstance(levels, int):
        raise TypeError(f"{name}: levels is a whole number or None; got {levels!r}")
    if not 0 <= levels <= most:
        raise ValueError(
            f"{name}: levels is at least 0 and, of maps of {sizes}, at most {most}; got {levels}"
        )
    return (
        partial(_split_all, wavelet=wavelet, levels=levels, dims=dims),
        partial(_join_all, wavelet=wavelet, levels=levels, dims=dims),
    )


def _split_all(x: Tensor, wavelet: str, levels: int, dims: int) -> Tensor:
    out = x.clone()
    bank = table(_bank, wavelet, x)
    for block in _blocks(x.shape, levels, dims):
        part = out[block]
        for axis in range(x.dim() - dims, x.dim()):
            part = _split(part.movedim(axis, -1), bank).movedim(-1, axis)
        out[block] = part
    return out


def _join_all(c: Tensor, wavelet: str, levels: int, dims: int) -> Tensor:
    out = c.clone()
    bank = table(_bank, wavelet, c)
    for block in reversed(_blocks(c.shape, levels, dims)):
        part = out[block]
        for axis in range(c.dim() - dims, c.dim()):
            part = _join(part.movedim(axis, -1), bank).movedim(-1, axis)
        out[block] = part
    return out


def _blocks(shape: Sequence[int], levels: int, dims: int) -> list[tuple[Any, ...]]:
    """Where in the tensor each level finds the averages that it splits."""
    sizes = shape[len(shape) - dims :]
    return [
        (..., *(slice(0, -(-n // 2**level)) for n in sizes))  # an odd axis keeps one more
        for level in range(levels)
    ]


def _bank(wavelet: str) -> Tensor:
    """Scaling and wavelet filter, `(2, taps)`, in float64 on the CPU."""
    h = SCALING[wavelet]
    g = [(-1) ** j * tap for j, tap in enumerate(reversed(h))]
    return torch.tensor([h, g], dtype=torch.float64, device="cpu")


def _split(x: Tensor, bank: Tensor) -> Tensor:
    """Averages, then details, of the last axis."""
    n, taps = x.shape[-1], bank.shape[1]
    even = n - n % 2
    if even == 0:
        return x
    ring = torch.arange(even + taps - 2, device=x.device) % even
    windows = x.index_select(-1, ring).unfold(-1, taps, 2)
    averages, details = (windows @ bank.T).unbind(-1)
    return torch.cat((averages, x[..., even:], details), -1)


def _join(c: Tensor, bank: Tensor) -> Tensor:
    """The adjoint and inverse of `_split`: each pair of samples from the windows that saw it."""
    n, reach = c.shape[-1], bank.shape[1] // 2
    pairs = n // 2
    if pairs == 0:
        return c
    halves = torch.stack((c[..., :pairs], c[..., n - pairs :]), -2)
    ring = torch.arange(1 - reach, pairs, device=c.device) % pairs
    windows = halves.index_select(-1, ring).unfold(-1, reach, 1)  # (..., 2, pairs, reach)
    back = bank.unflatten(1, (reach, 2)).flip(1)  # (filter, window, one of the pair)
    samples = torch.einsum("...fpw,fws->...ps", windows, back).flatten(-2)
    return torch.cat((samples, c[..., pairs : n - pairs]), -1)
