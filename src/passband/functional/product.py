"""The product of spectra: for each kept bin one real matrix product over channels.

Spectra of maps are `(bins, 2, N, C)`, of filters `(bins, 2, O, C / groups)`: real and imaginary
part before rows, so that both are rows of one matrix and nothing is transposed in memory. With the
spectra S of the source, T of the target and F of the filters, a convolution and its gradients are

    T = S Fᵀ,    S' = T' conj(F),    F' = T'ᵀ conj(S),

and a transposed convolution is the second of them. A product with a conjugate takes the one factor
`turned`: a and, beside it, -i a. Plain differentiable operations on real numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from passband.transforms.recording import recording


def multiply(source: Tensor, filters: Tensor, groups: int) -> Tensor:
    """S Fᵀ.

    Args:
        source: `(bins, 2, N, C)`.
        filters: `(bins, 2, O, C / groups)`.
        groups: of channels.

    Returns:
        `(bins, 2, N, O)`.
    """
    if groups == filters.shape[2] > 1 == filters.shape[3]:  # depthwise
        products = source.unsqueeze(2) * filters.squeeze(-1)[:, None, :, None]
    else:
        s, f = _grouped(source, groups).flatten(1, 2), _grouped_rows(filters, groups).flatten(1, 2)
        products = torch.bmm(s, f.mT).unflatten(2, (2, -1)).unflatten(1, (2, -1)).transpose(2, 3)
        products = _joined(products, groups)
    (re_re, re_im), (im_re, im_im) = (part.unbind(1) for part in products.unbind(1))
    return torch.stack([re_re - im_im, re_im + im_re], dim=1)


def turned(spectrum: Tensor) -> Tensor:
    """`(bins, 2, N, C)` to `(bins, 2, N, 2, C)`: a and, beside it, -i a."""
    re, im = spectrum.unbind(1)
    if recording():
        return torch.stack([spectrum, torch.stack([im, -re], dim=1)], dim=3)
    # The same without intermediate copies, which autograd could not follow.
    out = spectrum.new_empty(*spectrum.shape[:3], 2, spectrum.shape[3])
    out[:, :, :, 0] = spectrum
    out[:, 0, :, 1] = im
    torch.neg(re, out=out[:, 1, :, 1])
    return out


def multiply_back(target: Tensor, filters: Tensor, groups: int) -> Tensor:
    """T conj(F).

    Args:
        target: turned, `(bins, 2, N, 2, O)`.
        filters: `(bins, 2, O, C / groups)`.
        groups: of channels.

    Returns:
        `(bins, 2, N, C)`.
    """
    if groups == filters.shape[2] > 1 == filters.shape[3]:  # depthwise
        return (target * filters.squeeze(-1)[:, None, None]).sum(3)
    t = _grouped(target, groups).flatten(3, 4).flatten(1, 2)
    f = _grouped_rows(filters, groups).flatten(1, 2)
    return _joined(torch.bmm(t, f).unflatten(1, (2, -1)), groups)


def multiply_across(target: Tensor, source: Tensor, groups: int) -> Tensor:
    """Tᵀ conj(S).

    Args:
        target: turned, `(bins, 2, N, 2, O)`.
        source: `(bins, 2, N, C)`.
        groups: of channels.

    Returns:
        `(bins, 2, O, C / groups)`.
    """
    if groups == target.shape[-1] == source.shape[-1] > 1:  # depthwise
        return (target * source.unsqueeze(3)).sum((1, 2)).unsqueeze(-1)
    t = _grouped(target, groups).flatten(3, 4).flatten(1, 2)
    s = _grouped(source, groups).flatten(1, 2)
    out: Tensor = torch.bmm(t.mT, s).unflatten(1, (2, -1)).unflatten(0, (-1, groups))
    return out.transpose(1, 2).flatten(2, 3)


def _grouped(spectrum: Tensor, groups: int) -> Tensor:
    """`(bins, …, C)` to `(bins x groups, …, C / groups)`."""
    if groups == 1:
        return spectrum
    split: Tensor = spectrum.unflatten(-1, (groups, -1))
    return split.movedim(-2, 1).flatten(0, 1)


def _grouped_rows(filters: Tensor, groups: int) -> Tensor:
    """`(bins, 2, O, c)` to `(bins x groups, 2, O / groups, c)`."""
    if groups == 1:
        return filters
    split: Tensor = filters.unflatten(2, (groups, -1))
    return split.transpose(1, 2).flatten(0, 1)


def _joined(spectrum: Tensor, groups: int) -> Tensor:
    """The inverse of `_grouped`."""
    if groups == 1:
        return spectrum
    split: Tensor = spectrum.unflatten(0, (-1, groups))
    return split.movedim(1, -2).flatten(-2)
