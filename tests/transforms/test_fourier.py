"""The truncated transforms against dense matrices of complex exponentials and numpy's FFT."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from passband import memory
from passband.transforms import precision
from passband.transforms.fourier import (
    Axis,
    Grid,
    Norm,
    Transform,
    adjoint,
    analysis,
    count,
    dft,
    frequencies,
)

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
    [Axis(6, 4, Grid(0, 1, 6)), Axis(4, 3, Grid(0, 1, 4)), Axis(6, 4, Grid(0, 1, 6))],
    [Axis(5, 1, Grid(0, 1, 5)), Axis(4, 1, Grid(0, 1, 4)), Axis(7, 3, Grid(0, 1, 7))],
]
WAYS: tuple[Transform, ...] = ("fft", "dft")
# The power of the ring's length in a weight, and the square of a pair's.
NORMS: dict[Norm, tuple[float, int]] = {
    "parseval": (-0.5, 2),
    "none": (0.0, 1),
    "ortho": (-0.5, 1),
    "inverse of none": (-1.0, 4),
    "inverse of ortho": (-0.5, 4),
}


def band(axes: list[Axis]) -> set[tuple[int, ...]]:
    """Every frequency of the band, both of ±k, with k and k - L of a ring as one."""
    kept = [{k % a.length for k in range(1 - a.modes, a.modes)} for a in axes]
    return set(itertools.product(*kept))


def dense(axes: list[Axis], norm: Norm) -> NDArray[np.complex128]:
    """Kept half spectrum from samples as one matrix, written from the definition."""
    positions = [[float(a.grid.start + a.grid.step * t) for t in range(a.grid.count)] for a in axes]
    samples = np.array(list(itertools.product(*positions)))
    lengths = np.array([a.length for a in axes])
    ks = np.array(frequencies(tuple(axes)))
    matrix: NDArray[np.complex128] = np.exp(-2j * np.pi * (ks / lengths) @ samples.T)
    own = (2 * ks % lengths == 0).all(axis=1)
    power, squared = NORMS[norm]
    matrix *= (np.sqrt(np.where(own, 1, squared)) * float(lengths.prod()) ** power)[:, None]
    return matrix


def maps(*shape: int, seed: int, last: bool = False) -> torch.Tensor:
    """Random maps in float64, their channels last in memory or first."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, dtype=torch.float64, generator=generator)
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if last else x


@pytest.mark.parametrize("axes", ONE_AXIS + MORE_AXES, ids=str)
def test_of_each_pair_of_mirrored_frequencies_one_is_kept(axes: list[Axis]) -> None:
    ks = frequencies(tuple(axes))
    lengths = [a.length for a in axes]
    stored = [tuple(k % n for k, n in zip(bin_, lengths, strict=True)) for bin_ in ks]
    mirrored = [tuple(-k % n for k, n in zip(bin_, lengths, strict=True)) for bin_ in ks]
    assert len(ks) == count(tuple(axes)) == len(set(stored))
    assert set(stored) | set(mirrored) == band(axes)
    alone = [own == other for own, other in zip(stored, mirrored, strict=True)]
    assert len(stored) * 2 - sum(alone) == len(band(axes))
    assert alone == sorted(alone, reverse=True)  # the bins without a twin come first
    assert all(bin_[-1] >= 0 for bin_ in ks)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("way", WAYS)
def test_analysis_and_adjoint_are_the_dense_matrix(way: Transform, norm: Norm, last: bool) -> None:
    for axes in ONE_AXIS + MORE_AXES:
        check_against_dense(axes, way, norm, last)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("channels", [2, 18])  # few channels and many take different products
@pytest.mark.parametrize("first", [0, 1, 2])
def test_however_many_axes_one_matrix_takes(
    first: int, channels: int, last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dft, "divided", lambda axes, maps: (axes[:first], axes[first:]))
    for axes in MORE_AXES:
        if first < len(axes):
            for norm in NORMS:
                check_against_dense(axes, "dft", norm, last, channels)


def check_against_dense(
    axes: list[Axis], way: Transform, norm: Norm, last: bool, channels: int = 2
) -> None:
    matrix = dense(axes, norm)
    x = maps(3, channels, *(axis.grid.count for axis in axes), seed=0, last=last)
    spectrum = analysis(x, axes, way, norm)
    assert spectrum.shape == (len(matrix), 2, 3, channels)
    expected = (matrix @ x.reshape(3 * channels, -1).numpy().T).reshape(-1, 3, channels)
    np.testing.assert_allclose(spectrum[:, 0].numpy(), expected.real, atol=1e-12)
    np.testing.assert_allclose(spectrum[:, 1].numpy(), expected.imag, atol=1e-12)

    # Any planes at all, not just those of a real map: the adjoint is linear over the reals.
    planes = maps(len(matrix), 2, 3, channels, seed=1)
    values = (planes[:, 0].numpy() + 1j * planes[:, 1].numpy()).reshape(-1, 3 * channels)
    back = adjoint(planes, axes, way, norm, last=last)
    wanted = (matrix.conj().T @ values).real.T
    np.testing.assert_allclose(back.reshape(3 * channels, -1).numpy(), wanted, atol=1e-11)
    assert (back.movedim(1, -1) if last else back).is_contiguous()


@pytest.mark.parametrize("way", WAYS)
def test_plain_sum_is_numpys_fft(way: Transform) -> None:
    x = maps(4, 1, 10, 7, 9, seed=1)
    lengths, modes = (12, 7, 11), (4, 3, 6)
    axes = [
        Axis(length, m, Grid(0, 1, n))
        for length, m, n in zip(lengths, modes, x.shape[2:], strict=True)
    ]
    whole = np.fft.fftn(x[:, 0].numpy(), lengths, axes=(1, 2, 3))
    spectrum = analysis(x, axes, way, "none").numpy()[..., 0]
    for at, (i, j, k) in enumerate(frequencies(tuple(axes))):
        np.testing.assert_allclose(
            spectrum[at, 0] + 1j * spectrum[at, 1], whole[:, i, j, k], atol=1e-11
        )


@pytest.mark.parametrize(("way", "length"), list(itertools.product(WAYS, (7, 8))))
def test_full_band_is_energy_preserving_and_inverted(way: Transform, length: int) -> None:
    x = maps(2, 3, 5, length, seed=2)
    axes = [Axis(5, 3, Grid(0, 1, 5)), Axis(length, length // 2 + 1, Grid(0, 1, length))]
    spectrum = analysis(x, axes, way)
    torch.testing.assert_close(spectrum.square().sum((0, 1)), x.square().sum((2, 3)))
    torch.testing.assert_close(adjoint(spectrum, axes, way), x)


@pytest.mark.parametrize("norm", ["none", "ortho"])
@pytest.mark.parametrize(("way", "length"), list(itertools.product(WAYS, (7, 8))))
def test_the_adjoint_with_inverse_weights_is_the_inverse(
    way: Transform, length: int, norm: Norm
) -> None:
    x = maps(2, 3, 5, length, seed=2)
    axes = [Axis(6, 4, Grid(0, 1, 5)), Axis(length, length // 2 + 1, Grid(0, 1, length))]
    inverse: Norm = "inverse of none" if norm == "none" else "inverse of ortho"
    torch.testing.assert_close(adjoint(analysis(x, axes, way, norm), axes, way, inverse), x)


def test_ways_agree_in_single_precision_on_a_long_ring() -> None:
    x = maps(1, 2, 16384, seed=3).float()
    axes = [Axis(16400, 300, Grid(0, 1, 16384))]
    by_fft, by_matrix = analysis(x, axes, "fft"), analysis(x, axes, "dft")
    torch.testing.assert_close(by_fft, by_matrix, atol=2e-5, rtol=0)  # values of order 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_transformed_in_float32(
    way: Transform, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: False)
    x = maps(1, 2, 9, seed=4).to(dtype).requires_grad_()
    axes = [Axis(12, 4, Grid(0, 1, 9))]
    spectrum = analysis(x, axes, way)
    assert spectrum.dtype == torch.float32
    torch.testing.assert_close(spectrum, analysis(x.float(), axes, way))
    (grad,) = torch.autograd.grad(spectrum.sum(), x)
    assert grad.dtype == dtype


def test_bfloat16_stays_bfloat16_where_the_device_multiplies_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: True)
    x = maps(2, 20, 33, 32, seed=4)
    axes = [Axis(34, 9, Grid(0, 1, 33)), Axis(33, 8, Grid(0, 1, 32))]
    exact, small = analysis(x, axes, "dft"), analysis(x.bfloat16(), axes, "dft")
    assert small.dtype == torch.bfloat16
    assert (small.double() - exact).norm() < 0.006 * exact.norm()  # three roundings of 2**-9
    assert analysis(x.bfloat16(), axes, "fft").dtype == torch.float32


@pytest.mark.parametrize("way", WAYS)
def test_derivatives_of_both_directions(way: Transform) -> None:
    axes = [Axis(6, 4, Grid(0, 2, 3)), Axis(5, 2, Grid(-1, 1, 3))]
    x = maps(1, 2, 3, 3, seed=5).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: analysis(t, axes, way), x)
    assert torch.autograd.gradgradcheck(lambda t: analysis(t, axes, way).square(), x)
    planes = maps(count(tuple(axes)), 2, 1, 2, seed=6).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: adjoint(t, axes, way), planes)


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_more_is_more_maps(way: Transform) -> None:
    axes = [Axis(6, 4, Grid(0, 2, 3)), Axis(5, 2, Grid(-1, 1, 3))]
    x = maps(4, 2, 3, 3, 3, seed=7)
    both = torch.func.vmap(lambda t: analysis(t, axes, way))(x)
    torch.testing.assert_close(both, torch.stack([analysis(t, axes, way) for t in x]))
    back = torch.func.vmap(lambda t: adjoint(t, axes, way))(both)
    torch.testing.assert_close(back, torch.stack([adjoint(t, axes, way) for t in both]))


@pytest.mark.parametrize("way", WAYS)
def test_autograd_holds_nothing(way: Transform) -> None:
    x = torch.randn(1, 2, 9, requires_grad=True)
    axes = [Axis(12, 4, Grid(0, 1, 9))]
    assert memory.saved(lambda: adjoint(analysis(x, axes, way), axes, way)).total == 0


@pytest.mark.parametrize("way", WAYS)
def test_no_maps_at_all(way: Transform) -> None:
    axes = [Axis(6, 4, Grid(0, 1, 4)), Axis(5, 2, Grid(0, 1, 3))]
    spectrum = analysis(torch.zeros(0, 3, 4, 3), axes, way)
    assert spectrum.shape == (10, 2, 0, 3)
    assert adjoint(spectrum, axes, way).shape == (0, 3, 4, 3)
