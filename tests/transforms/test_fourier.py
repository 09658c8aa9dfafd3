"""The truncated transforms against dense matrices of complex exponentials and numpy's FFT."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from passband import memory
from passband.transforms.fourier import Axis, Grid, Norm, Transform, adjoint, analysis

ONE_AXIS = [
    [Axis(length, modes, grid)]
    for length in (1, 2, 5, 8, 9)
    for modes in range(1, length // 2 + 2)
    for grid in (
        Grid(0, 1, max(1, length - 2)),
        Grid(0, 2, (length + 1) // 2),
        Grid(-1, 1, 3),
        Grid(2, -2, 3),
        Grid(-3, 4, 4),
    )
]
MORE_AXES = [
    [Axis(8, 3, Grid(0, 1, 6)), Axis(7, 2, Grid(0, 2, 3))],
    [Axis(8, 5, Grid(0, 2, 4)), Axis(6, 4, Grid(0, 1, 6))],
    [Axis(8, 3, Grid(0, 2, 4)), Axis(8, 3, Grid(0, 2, 4))],
    [Axis(8, 5, Grid(0, 4, 2)), Axis(8, 5, Grid(0, 1, 8))],
    [Axis(5, 2, Grid(-1, 2, 3)), Axis(4, 2, Grid(0, 1, 4)), Axis(6, 4, Grid(0, 3, 2))],
    [Axis(12, 3, Grid(0, Fraction(12, 5), 5)), Axis(12, 4, Grid(0, Fraction(12, 6), 6))],
]
WAYS: tuple[Transform, ...] = ("fft", "dft")
NORMS: tuple[Norm, ...] = ("parseval", "none")


def dense(axes: list[Axis], norm: Norm) -> NDArray[np.complex128]:
    """Kept half spectrum from samples as one matrix, written from the definition."""
    whole = np.ones((1, 1), dtype=np.complex128)
    for i, axis in enumerate(axes):
        length, m, grid = axis.length, axis.modes, axis.grid
        half = i == len(axes) - 1
        kept = range(m) if half else sorted({k % length for k in range(1 - m, m)})
        positions = [float(grid.start + grid.step * t) for t in range(grid.count)]
        # A bin of a fractional grid is a frequency, so k and k - L differ: take the lower.
        signed = [k if 2 * k <= length else k - length for k in kept]
        matrix = np.exp(-2j * np.pi * np.outer(signed, positions) / length)
        if norm == "parseval":
            twins = [2.0 if half and k and 2 * k != length else 1.0 for k in kept]
            matrix *= np.sqrt(np.array(twins) / length)[:, None]
        whole = np.kron(whole, matrix)
    return whole


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("way", WAYS)
def test_analysis_and_adjoint_are_the_dense_matrix(way: Transform, norm: Norm) -> None:
    generator = torch.Generator().manual_seed(0)
    for axes in ONE_AXIS + MORE_AXES:
        matrix = dense(axes, norm)
        counts = [axis.grid.count for axis in axes]
        x = torch.randn(3, *counts, dtype=torch.float64, generator=generator)
        spectrum = analysis(x, axes, way, norm)
        expected = matrix @ x.reshape(3, -1).numpy().T
        np.testing.assert_allclose(spectrum[0].numpy(), expected.real, atol=1e-12)
        np.testing.assert_allclose(spectrum[1].numpy(), expected.imag, atol=1e-12)

        # Any planes at all, not just those of a real map: the adjoint is linear over the reals.
        planes = torch.randn(2, len(matrix), 3, dtype=torch.float64, generator=generator)
        values = planes[0].numpy() + 1j * planes[1].numpy()
        back = adjoint(planes, axes, way, norm).reshape(3, -1).numpy()
        np.testing.assert_allclose(back, (matrix.conj().T @ values).real.T, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_plain_sum_is_numpys_fft(way: Transform) -> None:
    x = torch.randn(4, 10, 7, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    lengths, modes = (12, 7, 11), (4, 3, 6)
    axes = [
        Axis(length, m, Grid(0, 1, n))
        for length, m, n in zip(lengths, modes, x.shape[1:], strict=True)
    ]
    expected = np.fft.rfftn(x.numpy(), lengths, axes=(1, 2, 3))
    expected = np.take(expected, [*range(4), *range(-3, 0)], axis=1)
    expected = np.take(expected, [*range(3), *range(-2, 0)], axis=2)[..., :6].reshape(4, -1).T
    spectrum = analysis(x, axes, way, "none").numpy()
    np.testing.assert_allclose(spectrum[0] + 1j * spectrum[1], expected, atol=1e-11)


@pytest.mark.parametrize(("way", "length"), list(itertools.product(WAYS, (7, 8))))
def test_full_band_is_energy_preserving_and_inverted(way: Transform, length: int) -> None:
    x = torch.randn(2, 5, length, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    axes = [Axis(5, 3, Grid(0, 1, 5)), Axis(length, length // 2 + 1, Grid(0, 1, length))]
    spectrum = analysis(x, axes, way)
    torch.testing.assert_close(spectrum.square().sum((0, 1)), x.square().sum((1, 2)))
    torch.testing.assert_close(adjoint(spectrum, axes, way), x)


def test_ways_agree_in_single_precision_on_a_long_ring() -> None:
    x = torch.randn(2, 16384, generator=torch.Generator().manual_seed(3))
    axes = [Axis(16400, 300, Grid(0, 1, 16384))]
    by_fft, by_matrix = analysis(x, axes, "fft"), analysis(x, axes, "dft")
    torch.testing.assert_close(by_fft, by_matrix, atol=2e-5, rtol=0)  # values of order 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_transformed_in_float32(way: Transform, dtype: torch.dtype) -> None:
    x = torch.randn(2, 9, generator=torch.Generator().manual_seed(4)).to(dtype).requires_grad_()
    axes = [Axis(12, 4, Grid(0, 1, 9))]
    spectrum = analysis(x, axes, way)
    assert spectrum.dtype == torch.float32
    torch.testing.assert_close(spectrum, analysis(x.float(), axes, way))
    (grad,) = torch.autograd.grad(spectrum.sum(), x)
    assert grad.dtype == dtype


@pytest.mark.parametrize("way", WAYS)
def test_derivatives_of_both_directions(way: Transform) -> None:
    axes = [Axis(6, 4, Grid(0, 2, 3)), Axis(5, 2, Grid(-1, 1, 3))]
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, 3, 3, dtype=torch.float64, generator=generator).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: analysis(t, axes, way), x)
    assert torch.autograd.gradgradcheck(lambda t: analysis(t, axes, way).square(), x)
    planes = torch.randn(2, 12, 2, dtype=torch.float64, generator=generator).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: adjoint(t, axes, way), planes)


@pytest.mark.parametrize("way", WAYS)
def test_autograd_holds_nothing(way: Transform) -> None:
    x = torch.randn(2, 9, requires_grad=True)
    axes = [Axis(12, 4, Grid(0, 1, 9))]
    assert memory.saved(lambda: adjoint(analysis(x, axes, way), axes, way)).total == 0


@pytest.mark.parametrize("way", WAYS)
def test_no_maps_at_all(way: Transform) -> None:
    axes = [Axis(6, 4, Grid(0, 1, 4)), Axis(5, 2, Grid(0, 1, 3))]
    spectrum = analysis(torch.zeros(0, 4, 3), axes, way)
    assert spectrum.shape == (2, 12, 0)
    assert adjoint(spectrum, axes, way).shape == (0, 4, 3)
