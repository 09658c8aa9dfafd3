"""A dense oracle for the band-limited convolutions, in numpy float64.

Written from the definitions alone and slow on purpose: for each axis a dense matrix projects the
ring of L samples onto the kept bins, a table of ring positions says which sample each tap of each
output reads, and everything else is one sum over both. The gradients are the transposed sums. It
shares no step with the library: no FFT, no half spectrum, no product of spectra.

One axis is described by a tensor `A[t, j, a]`: how much sample `a` of the (unpadded) input adds to
what tap `j` of output `t` reads. Then, with a product over the axes,

    y[n, o, t] = b[o] + sum_{c, j, a} w[o, c, j] A[t, j, a] x[n, c, a]

and a transposed convolution is the same sum read from `t` to `a`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = int | Sequence[int]
FftSize = Literal["minimal", "fast", "reference"]


@dataclass(frozen=True)
class Cut:
    """Which bins stay: exactly one of `keep`, `cutoff`, `modes`, and how L is chosen."""

    keep: float | tuple[float, ...] | None = None
    cutoff: float | tuple[float, ...] | None = None
    modes: int | tuple[int, ...] | None = None
    fft_size: FftSize = "minimal"

    def mode_count(self, L: int, axis: int, dims: int) -> int:
        """How many bins 0..m-1 stay on an axis of L points."""
        everything = L // 2 + 1
        if self.modes is not None:
            return self.modes if isinstance(self.modes, int) else self.modes[axis]
        if self.cutoff is not None:
            c = self.cutoff[axis] if isinstance(self.cutoff, tuple) else self.cutoff
            # 0.58 of 50 bins is 29 bins, whatever binary rounding makes of it.
            return min(math.floor(c * L / 2 + 1e-9), L // 2) + 1
        assert self.keep is not None
        # A tuple has each axis' own share, a number that of all axes together.
        share, axes = (self.keep[axis], 1) if isinstance(self.keep, tuple) else (self.keep, dims)
        if self.fft_size == "reference":
            return max(1, math.floor(everything * math.pow(share, 1 / axes)))
        # A tie goes to the larger count, also when `keep` carries the rounding of a decimal.
        errors = [abs((min(2 * m - 1, L) / L) ** axes - share) for m in range(1, everything + 1)]
        return max(m for m, e in enumerate(errors, start=1) if e <= min(errors) + 1e-9)


@dataclass(frozen=True)
class Axis:
    """One axis of a convolution: `n` samples, `k` taps, and `outputs` strided positions."""

    n: int
    k: int
    stride: int
    left: int
    right: int
    dilation: int
    outputs: int

    @property
    def extent(self) -> int:
        return self.dilation * (self.k - 1) + 1

    def length(self, fft_size: str) -> int:
        """Points of the ring, for zero padding."""
        if fft_size == "reference":
            stride_one_outputs = self.n + self.left + self.right - self.extent + 1
            least = self.n + self.left + self.right + max(stride_one_outputs, self.extent) - 1
            return 1 << (least - 1).bit_length()
        last_read = (self.outputs - 1) * self.stride - self.left + self.extent - 1
        minimal = self.n + max(self.left, last_read - (self.n - 1), 0)
        return _next_smooth(minimal) if fft_size == "fast" else minimal


def _next_smooth(least: int) -> int:
    """The smallest length >= least without a prime factor above 7."""
    length = least
    while True:
        rest = length
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def projection(L: int, m: int) -> Array:
    """The L x L matrix that keeps the bins |k| <= m-1 of a ring of L samples."""
    bins = [k for k in range(-((L - 1) // 2), L // 2 + 1) if abs(k) <= m - 1]
    # k*a is reduced modulo L before it meets a float, so that no phase loses digits.
    turns = np.array([[(k * a) % L for a in range(L)] for k in bins], dtype=np.float64) / L
    dft = np.exp(-2j * np.pi * turns)
    dense = dft.conj().T @ dft / L
    assert np.abs(dense.imag).max(initial=0.0) < 1e-12, "a symmetric band projects real to real"
    return np.ascontiguousarray(dense.real, dtype=np.float64)


def spatial_padding(n: int, left: int, right: int, mode: str) -> Array:
    """The (left + n + right) x n matrix of one-dimensional reflect or replicate padding."""
    dense = np.zeros((left + n + right, n))
    for row in range(left + n + right):
        a = row - left
        if mode == "replicate":
            a = min(max(a, 0), n - 1)
        elif a < 0:
            a = -a
        elif a > n - 1:
            a = 2 * (n - 1) - a
        dense[row, a] = 1.0
    return dense


def axis_tensor(axis: Axis, L: int, m: int, inside: Array) -> Array:
    """`A[t, j, a]`: low-pass the ring that `inside` (L x n) fills, then read it tap by tap."""
    low_passed = projection(L, m) @ inside
    taps = np.zeros((axis.outputs, axis.k, inside.shape[1]))
    for t in range(axis.outputs):
        for j in range(axis.k):
            taps[t, j] = low_passed[(t * axis.stride - axis.left + j * axis.dilation) % L]
    return taps


def per_axis(value: Ints, dims: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * dims
    values = tuple(value)
    return values * dims if len(values) == 1 else values


def paddings(
    padding: Ints | str, kernel: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """(left, right) per axis; an odd total of 'same' has the larger half on the right."""
    if padding == "valid":
        return [(0, 0)] * len(kernel)
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    assert not isinstance(padding, str)
    return [(p, p) for p in per_axis(padding, len(kernel))]


def conv_rings(
    space: Sequence[int],
    kernel: Sequence[int],
    fft_size: FftSize,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    padding_mode: str = "zeros",
) -> list[tuple[Axis, Array]]:
    """For every axis its geometry, and the L x n matrix that lays the input on its ring."""
    dims = len(kernel)
    strides, dilations = per_axis(stride, dims), per_axis(dilation, dims)
    rings = []
    for i, (left, right) in enumerate(paddings(padding, kernel, dilations)):
        n, k, s, d = space[i], kernel[i], strides[i], dilations[i]
        outputs = (n + left + right - (d * (k - 1) + 1)) // s + 1
        if padding_mode in ("reflect", "replicate"):
            filled = spatial_padding(n, left, right, padding_mode)
            axis = Axis(n + left + right, k, s, 0, 0, d, outputs)
        else:
            filled = np.eye(n)
            axis = Axis(n, k, s, left, right, d, outputs)
        inside = np.zeros((n if padding_mode == "circular" else axis.length(fft_size), n))
        inside[: filled.shape[0]] = filled
        rings.append((axis, inside))
    return rings


def conv_axes(
    space: Sequence[int],
    kernel: Sequence[int],
    *,
    cut: Cut,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    padding_mode: str = "zeros",
    stride_mode: str = "sample",
) -> list[Array]:
    """The tensor `A` of every axis of a convolution."""
    rings = conv_rings(space, kernel, cut.fft_size, stride, padding, dilation, padding_mode)
    tensors = []
    for i, (axis, inside) in enumerate(rings):
        L = inside.shape[0]
        m = cut.mode_count(L, i, len(kernel))
        if stride_mode == "spectral":
            m = min(m, L // (2 * axis.stride) + 1)
        tensors.append(axis_tensor(axis, L, m, inside))
    return tensors


def conv_transpose_axes(
    space: Sequence[int],
    kernel: Sequence[int],
    *,
    cut: Cut,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    dilation: Ints = 1,
) -> list[Array]:
    """The tensor `A` of every axis of the convolution whose adjoint this is."""
    dims = len(kernel)
    strides, dilations = per_axis(stride, dims), per_axis(dilation, dims)
    pads, extras = per_axis(padding, dims), per_axis(output_padding, dims)
    tensors = []
    for i in range(dims):
        n_in, k, s, d, p = space[i], kernel[i], strides[i], dilations[i], pads[i]
        n_out = (n_in - 1) * s - 2 * p + d * (k - 1) + 1 + extras[i]
        axis = Axis(n_out, k, s, p, p, d, n_in)
        L = axis.length(cut.fft_size)
        inside = np.zeros((L, n_out))
        inside[:n_out] = np.eye(n_out)
        tensors.append(axis_tensor(axis, L, cut.mode_count(L, i, dims), inside))
    return tensors


@dataclass(frozen=True)
class Operator:
    """A convolution as the trilinear sum of the module's docstring, and its three transposes."""

    axes: list[Array]
    groups: int

    def _letters(self) -> tuple[str, str, str, list[str]]:
        dims = len(self.axes)
        t, j, a = "pqr"[:dims], "ijk"[:dims], "xyz"[:dims]
        return t, j, a, [t[i] + j[i] + a[i] for i in range(dims)]

    def _sum(self, left: str, right: str, out: str, one: Array, two: Array) -> Array:
        *_, tensors = self._letters()
        formula = ",".join([left, right, *tensors]) + "->" + out
        # By default numpy caps intermediates, and 3D falls back to one loop over all indices.
        greedy = ("greedy", 1 << 20) if one.size and two.size else False
        result = np.einsum(formula, one, two, *self.axes, optimize=greedy)
        return np.asarray(result, dtype=np.float64)

    def outputs(self, x: Array, w: Array) -> Array:
        """From (N, C, *a) to (N, O, *t)."""
        t, j, a, _ = self._letters()
        xs, ws = np.split(x, self.groups, axis=1), np.split(w, self.groups, axis=0)
        parts = [
            self._sum("nc" + a, "oc" + j, "no" + t, *pair) for pair in zip(xs, ws, strict=True)
        ]
        return np.concatenate(parts, axis=1)

    def inputs(self, y: Array, w: Array) -> Array:
        """From (N, O, *t) to (N, C, *a): the transpose in x."""
        t, j, a, _ = self._letters()
        ys, ws = np.split(y, self.groups, axis=1), np.split(w, self.groups, axis=0)
        parts = [
            self._sum("no" + t, "oc" + j, "nc" + a, *pair) for pair in zip(ys, ws, strict=True)
        ]
        return np.concatenate(parts, axis=1)

    def weights(self, x: Array, y: Array) -> Array:
        """From (N, C, *a) and (N, O, *t) to (O, C / groups, *j): the transpose in w."""
        t, j, a, _ = self._letters()
        xs, ys = np.split(x, self.groups, axis=1), np.split(y, self.groups, axis=1)
        parts = [
            self._sum("nc" + a, "no" + t, "oc" + j, *pair) for pair in zip(xs, ys, strict=True)
        ]
        return np.concatenate(parts, axis=0)


@dataclass(frozen=True)
class Result:
    """The value and the gradients for one cotangent (all None without one)."""

    y: Array
    dx: Array | None = None
    dw: Array | None = None
    db: Array | None = None


def _result(
    axes: list[Array],
    groups: int,
    transposed: bool,
    x: Array,
    w: Array,
    b: Array | None,
    cotangent: Array | None,
) -> Result:
    op, dims = Operator(axes, groups), len(axes)
    unbatched = x.ndim == dims + 1
    if unbatched:
        x, cotangent = x[None], None if cotangent is None else cotangent[None]
    there, back = (op.inputs, op.outputs) if transposed else (op.outputs, op.inputs)
    y = there(x, w)
    if b is not None:
        y = y + b.reshape(1, -1, *(1,) * dims)
    if cotangent is None:
        return Result(y[0] if unbatched else y)
    dx, db = back(cotangent, w), cotangent.sum(axis=(0, *range(2, dims + 2)))
    dw = op.weights(cotangent, x) if transposed else op.weights(x, cotangent)
    return Result(y[0] if unbatched else y, dx[0] if unbatched else dx, dw, db)


def conv(
    x: Array,
    w: Array,
    b: Array | None = None,
    cotangent: Array | None = None,
    *,
    cut: Cut,
    groups: int = 1,
    **geometry: Any,
) -> Result:
    """The band-limited convolution of x (N, C, *space) or (C, *space) with w (O, C/g, *k).

    `geometry` is what `conv_axes` takes.
    """
    axes = conv_axes(x.shape[2 - w.ndim :], w.shape[2:], cut=cut, **geometry)
    return _result(axes, groups, False, x, w, b, cotangent)


def conv_transpose(
    x: Array,
    w: Array,
    b: Array | None = None,
    cotangent: Array | None = None,
    *,
    cut: Cut,
    groups: int = 1,
    **geometry: Any,
) -> Result:
    """Its adjoint in x: from (N, C, *space) with w (C, O/g, *k) to (N, O, *larger space).

    `geometry` is what `conv_transpose_axes` takes.
    """
    axes = conv_transpose_axes(x.shape[2 - w.ndim :], w.shape[2:], cut=cut, **geometry)
    return _result(axes, groups, True, x, w, b, cotangent)


def energy_modes(x: Array, insides: Sequence[Array], energy: float) -> tuple[int, ...]:
    """The mode counts of the lowest cutoff, one for all axes, that keeps this share of the energy.

    The energy is that of the map on its rings, summed over batch and channels.
    """
    lengths = [inside.shape[0] for inside in insides]
    for cutoff in sorted({2 * k / L for L in lengths for k in range(L // 2 + 1)}):
        # A hair more than the cutoff, so that 2k / L times L / 2 does not fall short of k.
        modes = tuple(math.floor(cutoff * L / 2 + 1e-9) + 1 for L in lengths)
        kept, whole = x, x
        for i, (inside, m) in enumerate(zip(insides, modes, strict=True), start=2):
            low_passed = projection(inside.shape[0], m) @ inside
            kept = np.moveaxis(np.moveaxis(kept, i, -1) @ low_passed.T, -1, i)
            whole = np.moveaxis(np.moveaxis(whole, i, -1) @ inside.T, -1, i)
        if (kept**2).sum() >= (energy - 1e-12) * (whole**2).sum():
            return modes
    raise AssertionError("the whole spectrum holds the whole energy")


def resampling(n: int, size: int) -> Array:
    """The size x n matrix of spectral pooling: the map's trigonometric polynomial of degree
    size // 2 at `size` even steps; with an even size both halves of its Nyquist pair fold.
    """
    highest = size // 2
    bins = [k for k in range(-((n - 1) // 2), n // 2 + 1) if abs(k) <= highest]
    dense = np.zeros((size, n))
    for t in range(size):
        for a in range(n):
            dense[t, a] = sum(math.cos(2 * math.pi * k * (t / size - a / n)) for k in bins) / n
    return dense


def spectral_pool(x: Array, size: Sequence[int]) -> Array:
    """Spectral pooling of the last len(size) axes."""
    for i, points in enumerate(size, start=-len(size)):
        x = np.moveaxis(np.moveaxis(x, i, -1) @ resampling(x.shape[i], points).T, -1, i)
    return x
