"""The discrete cosine transform: a map as even about its borders, so without a jump between them.

Short axes are multiplied with the matrix of the transform, long ones go through one FFT of their
own length.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from passband.transforms.orthogonal import along, orthogonal, space_axes, table

BY_MATRIX = 256  # the longest axis for which a matrix product is faster, on a CPU


def dct(x: Tensor, dims: int | None = None) -> Tensor:
    r"""The orthonormal discrete cosine transform of type II, on the last axes of real maps.

    For samples p and coefficients k of an axis of length n,

    .. math:: c_k = w_k \sum_p x_p \cos \frac{\pi k (2p + 1)}{2n},
        \quad w_0 = \sqrt{1/n}, \ w_k = \sqrt{2/n}

    The energy of the coefficients is that of the map (Parseval). Differentiable any number of
    times; autograd holds nothing for it.

    Args:
        x: `(N, C, *space)`, real floating point; float16 and bfloat16 are computed in float32.
        dims: how many of the last axes are transformed; by default all behind batch and channels.

    Returns:
        Coefficients in the shape and dtype of `x`.

    Raises:
        TypeError: no real floating-point tensor, or `dims` is not a whole number.
        ValueError: `dims` is below 1.
        RuntimeError: the map has fewer axes, or one of them has no samples.

    Source:
        Ahmed, Natarajan and Rao, "Discrete cosine transform", IEEE Transactions on Computers,
        1974; by FFT as Makhoul, "A fast cosine transform in one and two dimensions", IEEE
        Transactions on ASSP, 1980.

    Examples:
        >>> dct(torch.full((1, 1, 4), 3.0)).allclose(torch.tensor([6.0, 0.0, 0.0, 0.0]), atol=1e-6)
        True
    """
    dims = space_axes("dct", x, dims)
    return orthogonal(x, partial(_dct, dims=dims), partial(_idct, dims=dims))


def idct(c: Tensor, dims: int | None = None) -> Tensor:
    r"""The inverse and adjoint of `dct`: the orthonormal transform of type III.

    .. math:: x_p = \sum_k w_k c_k \cos \frac{\pi k (2p + 1)}{2n}

    Args:
        c: coefficients `(N, C, *space)`, real floating point.
        dims: as in `dct`.

    Returns:
        Maps in the shape and dtype of `c`.

    Raises:
        TypeError, ValueError, RuntimeError: as `dct` does.

    Examples:
        >>> idct(torch.tensor([[[6.0, 0.0, 0.0, 0.0]]]))
        tensor([[[3., 3., 3., 3.]]])
    """
    dims = space_axes("idct", c, dims)
    return orthogonal(c, partial(_idct, dims=dims), partial(_dct, dims=dims))


def cosines(n: int, count: int) -> Tensor:
    """The lowest functions of the transform of n samples, `(count, n)`, in float64 on the CPU."""
    k, p = (torch.arange(m, device="cpu") for m in (count, n))
    quarters = torch.outer(k, 2 * p + 1) % (4 * n)  # in integers: long axes lose no accuracy
    rows: Tensor = torch.cos(quarters.double() * (math.pi / (2 * n))) * (2 / n) ** 0.5
    rows[:1] *= 0.5**0.5
    return rows


def _dct(x: Tensor, dims: int) -> Tensor:
    for axis in range(x.dim() - 1, x.dim() - 1 - dims, -1):
        n = x.shape[axis]
        if n <= BY_MATRIX:
            x = along(x, axis, table(_matrix, n, x))
        else:
            x = _by_fft(x.movedim(axis, -1)).movedim(-1, axis)
    return x


def _idct(c: Tensor, dims: int) -> Tensor:
    for axis in range(c.dim() - 1, c.dim() - 1 - dims, -1):
        n = c.shape[axis]
        if n <= BY_MATRIX:
            c = along(c, axis, table(_matrix, n, c).T)
        else:
            c = _back_by_fft(c.movedim(axis, -1)).movedim(-1, axis)
    return c


def _matrix(n: int) -> Tensor:
    return cosines(n, n)


def _by_fft(x: Tensor) -> Tensor:
    """On the last axis: even samples forwards, odd ones backwards, are half a period of a ring."""
    n = x.shape[-1]
    ring = torch.cat((x[..., ::2], x[..., 1::2].flip(-1)), -1)
    turned = torch.fft.rfft(ring) * torch.view_as_complex(table(_turns, n, x))
    # The bin k holds the coefficient k and, times -i, the coefficient n - k.
    return torch.cat((turned.real, -turned.imag[..., 1 : (n + 1) // 2].flip(-1)), -1)


def _back_by_fft(c: Tensor) -> Tensor:
    n = c.shape[-1]
    half = n // 2 + 1
    mirrored = torch.cat((torch.zeros_like(c[..., :1]), c[..., n - half + 1 :].flip(-1)), -1)
    turned = torch.complex(c[..., :half], -mirrored)
    ring = torch.fft.irfft(turned / torch.view_as_complex(table(_turns, n, c)), n=n)
    even = (n + 1) // 2
    x = torch.empty_like(c)
    x[..., ::2], x[..., 1::2] = ring[..., :even], ring[..., even:].flip(-1)
    return x


def _turns(n: int) -> Tensor:
    """By which each bin of the ring's half spectrum is turned and scaled, `(bins, 2)`."""
    k = torch.arange(n // 2 + 1, dtype=torch.float64, device="cpu")
    scale = torch.full_like(k, (2 / n) ** 0.5)
    scale[0] = (1 / n) ** 0.5
    return torch.view_as_real(torch.polar(scale, -math.pi / (2 * n) * k))
