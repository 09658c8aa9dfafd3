"""What is done to each coefficient of a spectrum, by PyTorch's operations or compiled kernels.

Spectra are `(bins, 2, N, C)`; the first `own` bins are their own mirror image and count once in a
sum over all frequencies, the others twice.
"""

from __future__ import annotations

import torch
from torch import Tensor

from passband.functional.spectral.activation import Part
from passband.kernels import cpu as compiled
from passband.packing import bits
from passband.packing.sparse import bytes_of, unpacked

Parts = tuple[Part, Part]


def settle(
    z: Tensor, scale: Tensor | None, shift: Tensor | None, chosen: Tensor | None,
    beta: float | Tensor | None, parts: Parts,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Scaled, thresholded, activated: the values, and one bit for each that is kept.

    Args:
        z: a spectrum.
        scale: of each channel, `(C,)`, or None.
        shift: of DC, `(C,)`, or None.
        chosen: which coefficients are kept, bool `(bins, N, C)`; or
        beta: the least magnitude that is kept.
        parts: functions of real and imaginary part.
    """
    names = parts[0].name, parts[1].name
    if chosen is None and compiled.settles(z, names):
        y, mask = compiled.settle(z, _float(scale), _float(shift), float(beta or 0), names)
        return y, None if beta is None else mask
    if scale is not None:
        assert shift is not None
        z = z * scale.to(z.dtype)
        z[0, 0] += shift.to(z.dtype)
    if beta is not None:
        unit = _unit(beta)
        re, im = (z * unit).unbind(1)
        chosen = ~(re * re + im * im < (beta * unit) ** 2)  # what is no number is kept, to be seen
    y = torch.stack([part.function(x) for part, x in zip(parts, z.unbind(1), strict=True)], 1)
    if chosen is None:
        return y, None
    return y * chosen.unsqueeze(1), bits.packed(chosen.contiguous())


def settle_back(
    grad: Tensor, parts: Parts, mask: Tensor | None, kept: Tensor | None, y: Tensor | None
) -> Tensor:
    """The gradient before threshold and activation.

    Args:
        grad: of the values.
        parts: functions of real and imaginary part.
        mask: one bit for each coefficient that is kept; None if all are.
        kept: values of those, `(2, kept)`; or
        y: of all; not needed where both functions are the identity.
    """
    if y is None and kept is not None:
        assert mask is not None
        names = parts[0].name, parts[1].name
        if compiled.settles(grad, names) and compiled.reads(mask, kept):
            return compiled.settle_back(grad, mask, kept, names)
        y = unpacked(mask, kept, grad.shape, grad.dtype)
    if y is not None:
        both = zip(parts, y.unbind(1), grad.unbind(1), strict=True)
        grad = torch.stack([part.derivative(value) * g for part, value, g in both], 1)
    if mask is None:
        return grad
    if compiled.is_spectrum(grad) and compiled.reads(mask, mask):
        return compiled.select(grad, mask)
    return grad * bytes_of(mask, grad.shape).unsqueeze(1)


def energy(z: Tensor, own: int) -> Tensor:
    """Of each channel, the sum of all squares, each as often as its frequency counts, `(C,)`."""
    if compiled.is_spectrum(z):
        return compiled.energy(z, own)
    squares = _wide(z).square().sum((1, 2))
    squares[own:] *= 2
    return squares.sum(0)


def dot(g: Tensor, z: Tensor) -> Tensor:
    """Of each channel, the sum of products, `(C,)`."""
    if compiled.is_spectrum(g) and compiled.is_spectrum(z) and g.dtype == z.dtype:
        return compiled.dot(g, z)
    return (_wide(g) * _wide(z)).sum((0, 1, 2))


def combine(g: Tensor, z: Tensor, own: int, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """`a g + b μ z`, and `c` added to DC, with the multiplicity μ of each bin; may overwrite g."""
    if compiled.is_spectrum(g) and compiled.is_spectrum(z) and g.dtype == z.dtype:
        return compiled.combine_(g, z, own, a.float(), b.float(), c.float())
    twice = z.new_full((len(z), 1, 1, 1), 2.0)
    twice[:own] = 1.0
    out = g * a.to(g.dtype) + z * (b.to(g.dtype) * twice)
    out[0, 0] += c.to(g.dtype)
    return out


def _unit(beta: float | Tensor) -> float | Tensor:
    """As `compiled.unit_for`, without waiting for a number that is on a device."""
    if not isinstance(beta, Tensor):
        return compiled.unit_for(beta)
    finite = beta.float().clamp(max=torch.finfo(torch.float32).max)
    exponent = finite.log2().ceil().clamp(-compiled.POWER, compiled.POWER)
    return torch.ldexp(torch.ones_like(exponent), -exponent)


def _float(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.detach().float()


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()
