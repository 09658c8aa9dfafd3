"""The truncated transform as real matrix products: a dropped bin is never computed.

The last axes are transformed at once, by one matrix whose rows are the real and imaginary parts of
their bins. An axis before them is projected on its cosines and sines, and then `fold` turns the
coefficients into bins, by sums and differences. There is no complex number anywhere, and no operand
of a product is ever copied: a map whose channels lie last is multiplied from the left; any other so
that the maps end up innermost, as the product of spectra wants them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.bins import Norm, count, own, own_weight, phases, weights
from passband.transforms.fourier.constants import CACHED_ENTRIES, constant
from passband.transforms.fourier.fold import fold, unfold
from passband.transforms.layout import is_channels_last, laid_out
from passband.transforms.tracing import known

_MOVED = 13  # products that a processor computes while it writes and reads a number
_STARTED = 5_000_000  # products that it computes while the operations of an axis are started
_BLOCK = 16  # columns of a block of a matrix product: a narrower result costs more


def analysis(x: Tensor, axes: tuple[Axis, ...], norm: Norm) -> Tensor:
    """Samples `(N, C, *counts)` to the kept half spectrum `(bins, 2, N, C)`."""
    lead, dense = divided(axes, known(x.shape[0]) * known(x.shape[1]))
    matrix, bases = (
        constant(_dense, dense, norm, x),
        [constant(_basis, (a,), norm, x) for a in lead],
    )
    sizes, (n, c) = [len(basis) for basis in bases], x.shape[:2]
    last = is_channels_last(x) and c >= _BLOCK
    if last:
        t, tail = x.movedim(1, -1), c
        for factor in (matrix, *reversed(bases)):
            t = t.reshape(-1, factor.shape[1], tail)
            t = torch.bmm(factor.expand(t.shape[0], -1, -1), t)
            tail *= len(factor)
        t = t.reshape(n, *sizes, -1, 2, c)
    elif lead:
        # Map by map of the batch: its coefficients are still in the cache for the next product.
        t, batch = x, n
        for factor in (matrix, *reversed(bases)):
            t = t.reshape(batch, -1, factor.shape[1]).mT
            t = torch.bmm(factor.expand(batch, -1, -1), t)
            batch *= len(factor)
        t = t.reshape(n, -1, 2, *reversed(sizes), c)
    else:
        t = matrix @ x.reshape(-1, matrix.shape[1]).T
        t = t.reshape(-1, 2, n, c)
    t = t.permute(_order(len(lead), last=last))
    for i in range(len(lead) - 1, -1, -1):
        t = fold(t, lead[i], own(axes[i + 1 :]), norm)
    return t.contiguous()


def adjoint(spectrum: Tensor, axes: tuple[Axis, ...], norm: Norm, *, last: bool) -> Tensor:
    """The exact adjoint of `analysis`: `(bins, 2, N, C)` to `(N, C, *counts)`.

    Args:
        spectrum: `(bins, 2, N, C)`.
        axes: ring, band and grid of each axis.
        norm: of the bins.
        last: whether the channels of the result shall lie last in memory.
    """
    lead, dense = divided(axes, known(spectrum.shape[2]) * known(spectrum.shape[3]))
    matrix = constant(_dense, dense, norm, spectrum)
    bases = [constant(_basis, (a,), norm, spectrum) for a in lead]
    space, (n, c) = [axis.grid.count for axis in axes], spectrum.shape[2:]
    # Products of few columns are slow, and turning a small map over afterwards is cheap.
    narrow = not lead and math.prod(space) < _BLOCK
    better = c >= _BLOCK and (last or narrow)
    if (better and not last) or (last and not better):  # a compiler cannot compare the two
        return laid_out(adjoint(spectrum, axes, norm, last=better), last=last)
    t = spectrum
    for i, axis in enumerate(lead):
        sizes = [len(basis) for basis in bases[: i + 1]]
        shape = (*sizes, count(axes[i + 1 :]), 2, n, c)
        t = unfold(t, _room(spectrum, shape, last=last), axis, own(axes[i + 1 :]), norm)
    t = t.permute(_inverse(_order(len(lead), last=last)))  # as it lies in memory
    if last:
        batch = n
        for factor in (*bases, matrix):
            t = t.reshape(batch, len(factor), -1)
            t = torch.bmm(factor.T.expand(batch, -1, -1), t)
            batch *= factor.shape[1]
        return t.reshape(n, *space, c).movedim(-1, 1)
    if not lead:
        return (t.reshape(len(matrix), -1).T @ matrix).reshape(n, c, *space)
    tail = c
    for factor in (*bases, matrix):
        t = t.reshape(-1, len(factor), tail).mT
        t = torch.bmm(t, factor.expand(t.shape[0], -1, -1))
        tail *= factor.shape[1]
    return t.reshape(n, c, *space)


def analysis_of_part(
    x: Tensor, axes: tuple[Axis, ...], norm: Norm, part: tuple[int, int]
) -> Tensor:
    """Some bins of `analysis`, by one matrix."""
    rows = constant(_dense, axes, norm, x)[2 * part[0] : 2 * part[1]]
    t = rows @ x.reshape(-1, rows.shape[1]).T
    return t.reshape(-1, 2, *x.shape[:2])


def adjoint_of_part(
    spectrum: Tensor, axes: tuple[Axis, ...], norm: Norm, part: tuple[int, int]
) -> Tensor:
    """The adjoint of `analysis_of_part`."""
    rows = constant(_dense, axes, norm, spectrum)[2 * part[0] : 2 * part[1]]
    n, c = spectrum.shape[2:]
    # From the left, since a product of as few columns as a filter has taps would be slow.
    t = torch.bmm(rows.T.expand(n, -1, -1), spectrum.flatten(0, 1).movedim(1, 0))
    return t.mT.reshape(n, c, *(axis.grid.count for axis in axes))


@lru_cache(maxsize=4096)
def divided(axes: tuple[Axis, ...], maps: int) -> tuple[tuple[Axis, ...], tuple[Axis, ...]]:
    """Axes transformed one by one, and those behind them that one matrix transforms at once.

    One matrix for all needs the most products and touches each number once. For each axis that is
    taken out of it coefficients are written and read twice more, by its product and by `fold`, and
    a dozen operations are started.
    """

    def cost(first: int) -> float:
        rows = 2 * count(axes[first:])
        lead = math.prod(axis.grid.count for axis in axes[:first])
        samples = math.prod(axis.grid.count for axis in axes[first:])
        if first < len(axes) - 1 and rows * samples > CACHED_ENTRIES:
            return math.inf
        total = lead * rows * samples
        for i in range(first - 1, -1, -1):
            total += _MOVED * lead * rows
            lead //= axes[i].grid.count
            rows *= axes[i].modes + axes[i].pairs
            total += lead * rows * (axes[i].grid.count + _MOVED)
        return total * maps + first * _STARTED

    first = min(range(len(axes)), key=cost)
    return axes[:first], axes[first:]


def _order(lead: int, *, last: bool) -> list[int]:
    """From coefficients in memory to coefficients as `fold` sees them.

    It sees `(*basis functions, bins, 2, N, C)`. In memory they are `(N, *basis functions, bins, 2,
    C)` with channels last, else `(N, bins, 2, *basis functions in reverse, C)`, and without basis
    functions `(bins, 2, N, C)`.
    """
    if last:
        return [*range(1, lead + 3), 0, lead + 3]
    return [*range(lead + 2, 2, -1), 1, 2, 0, lead + 3] if lead else [0, 1, 2, 3]


def _inverse(order: list[int]) -> list[int]:
    return [order.index(i) for i in range(len(order))]


def _room(like: Tensor, shape: Sequence[int], *, last: bool) -> Tensor:
    """An empty tensor for coefficients, in the order of memory that the products want."""
    order = _order(len(shape) - 4, last=last)
    return like.new_empty([shape[i] for i in _inverse(order)]).permute(order)


def _dense(axes: tuple[Axis, ...], norm: Norm, device: torch.device) -> Tensor:
    """`(bins x 2, samples)`: real and imaginary part of each bin, from all samples at once."""
    cos, sin = phases(axes, device)
    weight = weights(axes, norm, like=cos).unsqueeze(-1)
    return torch.stack([cos * weight, sin * weight], dim=1).flatten(0, 1)


def _basis(axes: tuple[Axis, ...], norm: Norm, device: torch.device) -> Tensor:
    """`(cosines + sines, samples)` of one axis; what is its own mirror image has no sine."""
    (axis,) = axes
    cos, sin = phases(axes, device)
    return torch.cat([cos, sin[axis.own :]]) * own_weight(axes, norm)
