"""From cosines and sines of one axis, times bins of the axes behind it, to bins of all of them.

An axis contributes exp(-2πi kp / L), its cosine plus i times its minus sine. With c and s the
coefficients of the two, themselves complex bins of the axes behind, the bin at +k is c + is and the
one at -k is c - is: sums and differences of real and imaginary parts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.bins import Norm, pair_factor
from passband.transforms.recording import recording

_Parts = tuple[Tensor, ...]


def fold(t: Tensor, axis: Axis, own: int, norm: Norm) -> Tensor:
    """`(…, cosines + sines, bins behind, 2, N, C)` to `(…, bins, 2, N, C)`, in order of `bins`.

    Args:
        t: coefficients.
        axis: the axis to fold in.
        own: how many bins of the axes behind are their own mirror image; they come first.
        norm: of the bins.
    """
    rows = _rows(t.shape[-4], axis, own)
    single, edge, cos, sin = _coefficients(t, axis, own)
    if recording():
        pairs = (
            [of_axis * pair_factor(norm) for of_axis in edge],
            [cos[0] - sin[1], cos[1] + sin[0]],
            [cos[0] + sin[1], cos[1] - sin[0]],
        )
        alone_of_axis = single.tensor_split([own], -4)
        blocks = [*alone_of_axis, *(torch.stack(parts, -3) for parts in pairs)]
        return torch.cat([block.flatten(-5, -4) for block in blocks], -4)
    # The same without intermediate copies, which autograd could not follow.
    out = t.new_empty(*t.shape[:-5], sum(rows), *t.shape[-3:])
    alone, beside, edges, plus, minus = _blocks(out, rows, axis, own, t.shape[-4] - own)
    alone.copy_(single.narrow(-4, 0, own))
    beside.copy_(single.narrow(-4, own, t.shape[-4] - own))
    # A bin alone of its kind behind is one of a pair now.
    for of_axis, both in zip(edge, edges, strict=True):
        torch.mul(of_axis, pair_factor(norm), out=both)
    torch.sub(cos[0], sin[1], out=plus[0])
    torch.add(cos[1], sin[0], out=plus[1])
    torch.add(cos[0], sin[1], out=minus[0])
    torch.sub(cos[1], sin[0], out=minus[1])
    return out


def unfold(t: Tensor, out: Tensor, axis: Axis, own: int, norm: Norm) -> Tensor:
    """The adjoint of `fold`, written into `out`, `(…, cosines + sines, bins behind, 2, N, C)`."""
    rows = _rows(out.shape[-4], axis, own)
    alone, beside, edges, plus, minus = _blocks(t, rows, axis, own, out.shape[-4] - own)
    if recording():
        of_edges = [torch.stack([e * pair_factor(norm), torch.zeros_like(e)], -3) for e in edges]
        of_cos = torch.stack([plus[0] + minus[0], plus[1] + minus[1]], -3)
        of_sin = torch.stack([plus[1] - minus[1], minus[0] - plus[0]], -3)
        pairs = zip(of_edges, (of_cos, of_sin), strict=True)
        blocks = [(alone, beside), *pairs]
        return torch.cat([torch.cat(block, -4) for block in blocks], -5)
    single, edge, cos, sin = _coefficients(out, axis, own)
    single.narrow(-4, 0, own).copy_(alone)
    single.narrow(-4, own, out.shape[-4] - own).copy_(beside)
    for of_axis, both in zip(edge, edges, strict=True):
        torch.mul(both, pair_factor(norm), out=of_axis)
    # The imaginary part of these is read by nobody, but multiplied by zero.
    out.narrow(-5, axis.own, 2 * axis.pairs).narrow(-4, 0, own).select(-3, 1).zero_()
    torch.add(plus[0], minus[0], out=cos[0])
    torch.add(plus[1], minus[1], out=cos[1])
    torch.sub(plus[1], minus[1], out=sin[0])
    torch.sub(minus[0], plus[0], out=sin[1])
    return out


def _coefficients(t: Tensor, axis: Axis, own: int) -> tuple[Tensor, _Parts, _Parts, _Parts]:
    """What belongs to 0 and Nyquist; and what to pairs.

    Of the latter, first cosine and sine for the bins behind that are alone of their kind; then for
    the other bins behind, real and imaginary part of the cosine's, and of the sine's.
    """
    single, cos, sin = torch.split_with_sizes(t, [axis.own, axis.pairs, axis.pairs], -5)
    rest = t.shape[-4] - own
    cos_parts, sin_parts = cos.unbind(-3), sin.unbind(-3)
    edge = (cos_parts[0].narrow(-3, 0, own), sin_parts[0].narrow(-3, 0, own))
    behind = [part.narrow(-3, own, rest) for part in (*cos_parts, *sin_parts)]
    return single, edge, tuple(behind[:2]), tuple(behind[2:])


def _rows(behind: int, axis: Axis, own: int) -> list[int]:
    """How many bins each block of `bins` has."""
    rest = behind - own
    return [axis.own * own, axis.own * rest, axis.pairs * own, axis.pairs * rest, axis.pairs * rest]


def _blocks(
    t: Tensor, rows: list[int], axis: Axis, own: int, rest: int
) -> tuple[Tensor, Tensor, _Parts, _Parts, _Parts]:
    """The five blocks, `(…, of this axis, behind, 2, N, C)`; of pairs, real and imaginary part."""
    alone, beside, edge, plus, minus = torch.split_with_sizes(t, rows, -4)
    return (
        alone.unflatten(-4, (axis.own, own)),
        beside.unflatten(-4, (axis.own, rest)),
        edge.unflatten(-4, (axis.pairs, own)).unbind(-3),
        plus.unflatten(-4, (axis.pairs, rest)).unbind(-3),
        minus.unflatten(-4, (axis.pairs, rest)).unbind(-3),
    )
