"""Energy compaction of maps whose answer is known, and against a loop over coefficients."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch

from passband.analysis import TRANSFORMS, energy_compaction, relative_bytes
from passband.transforms import dct, dwt, idct

FRACTIONS = (0.0, 0.02, 0.1, 0.25, 0.5, 0.9, 1.0)
ANY: Any = energy_compaction


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("space", [(1,), (9,), (6, 5), (8, 8), (3, 4, 5)], ids=str)
def test_more_numbers_hold_more_energy_and_all_hold_all(
    space: tuple[int, ...], transform: Any
) -> None:
    shares = energy_compaction(torch.randn(3, 2, *space), transform, FRACTIONS)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1, abs=1e-12)
    assert sorted(shares) == list(shares)


@pytest.mark.parametrize("transform", [name for name in TRANSFORMS if name != "dft"])
def test_white_noise_is_no_sparser_in_any_real_basis(transform: Any) -> None:
    normal = scipy.stats.norm
    for fraction in (0.1, 0.3, 0.5):
        t = normal.isf(fraction / 2)  # |x| > t in this fraction of the numbers
        expected = 2 * (t * normal.pdf(t) + normal.sf(t))  # their share of the energy
        (found,) = energy_compaction(torch.randn(50, 4, 32, 32), transform, [fraction])
        assert found == pytest.approx(expected, abs=0.004)


def test_white_noise_is_denser_in_pairs() -> None:
    (found,) = energy_compaction(torch.randn(50, 4, 32, 32), "dft", [0.1])
    # The energy of a complex coefficient is exponentially distributed.
    assert found == pytest.approx(0.1 * (1 - math.log(0.1)), abs=0.004)


def test_a_cosine_is_one_coefficient_of_the_cosine_transform() -> None:
    c = torch.zeros(1, 1, 16, 16)
    c[..., 3, 5] = 1
    x = idct(c)
    assert energy_compaction(x, "dct", [1 / 256]) == pytest.approx([1])
    for transform in TRANSFORMS:
        if transform != "dct":
            assert energy_compaction(x, transform, [1 / 256])[0] < 0.6


def test_a_wave_of_the_ring_is_one_pair_of_the_dft() -> None:
    at = torch.arange(16)
    x = torch.cos(2 * math.pi * 3 * at / 16 + 0.4).view(1, 1, 16)
    assert energy_compaction(x, "dft", [1 / 16, 2 / 16]) == pytest.approx([0.5, 1])
    nyquist = (-1.0) ** at.view(1, 1, 16)  # its own conjugate: one number
    assert energy_compaction(nyquist, "dft", [1 / 16]) == pytest.approx([1])


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_constant_is_one_number_in_all_but_space(transform: Any) -> None:
    (share,) = energy_compaction(torch.full((2, 3, 8, 8), -2.0), transform, [1 / 64])
    assert share == pytest.approx(1 / 64 if transform == "space" else 1)


@pytest.mark.parametrize("space", [(7,), (8,), (5, 6)], ids=str)
def test_coefficients_of_the_dft_are_dropped_in_order_of_magnitude(space: tuple[int, ...]) -> None:
    """From numpy's whole spectrum, by a threshold between any two magnitudes."""
    x = torch.randn(2, 3, *space, dtype=torch.float64)
    n = math.prod(space)
    spectra = np.fft.fftn(x.numpy(), axes=range(2, x.dim())).reshape(6, n)
    for spectrum, one in zip(spectra, x.reshape(6, 1, 1, *space), strict=True):
        energies = np.abs(spectrum) ** 2 / n
        for level in np.unique(energies.round(9)):
            kept = energies >= level - 1e-7
            (share,) = energy_compaction(one, "dft", [float(kept.sum() / n)])
            assert share == pytest.approx(energies[kept].sum() / energies.sum())


@pytest.mark.parametrize("transform", ["space", "dct", "db2"])
def test_each_map_keeps_its_own_and_counts_by_its_energy(transform: Any) -> None:
    x = torch.randn(2, 3, 6, 4) * torch.tensor([1.0, 5.0, 0.1]).view(3, 1, 1)
    c = {"space": x, "dct": dct(x), "db2": dwt(x, "db2")}[transform].reshape(6, 24)
    largest = c.square().sort(descending=True).values[:, :6]
    (share,) = energy_compaction(x, transform, [0.25])
    assert share == pytest.approx(float(largest.sum() / x.square().sum()))
    shares = [
        energy_compaction(one.view(1, 1, 6, 4), transform, [0.25])[0] for one in x.flatten(0, 1)
    ]
    weights = x.square().sum((2, 3)).flatten().numpy()
    assert share == pytest.approx(float(np.average(shares, weights=weights)))


def test_between_whole_numbers_it_is_interpolated() -> None:
    x = torch.tensor([[[3.0, 1.0, 2.0, 0.0]]])  # energies 9, 4, 1, 0 of 14
    shares = energy_compaction(x, "space", [0.125, 0.25, 0.375, 0.5])
    assert shares == pytest.approx([4.5 / 14, 9 / 14, 11 / 14, 13 / 14])


def test_half_precision_and_maps_that_are_zero() -> None:
    x = torch.randn(2, 3, 8, 8)
    exact = energy_compaction(x, "dct", [0.2])
    assert energy_compaction(x.bfloat16(), "dct", [0.2]) == pytest.approx(exact, abs=0.005)
    with_dead = torch.cat((x, torch.zeros_like(x)), 1)
    assert energy_compaction(with_dead, "dct", [0.2]) == pytest.approx(exact)
    assert math.isnan(energy_compaction(torch.zeros(1, 1, 4), "dft", [0.5])[0])


def test_maps_are_followed_by_no_gradient() -> None:
    x = torch.randn(1, 1, 8, requires_grad=True)
    assert energy_compaction(x, "dft", [1])[0] == pytest.approx(1)


def test_bytes_are_those_of_a_mask_and_packed_numbers() -> None:
    n = 256  # real numbers: a bit each, and 64 of them kept
    assert relative_bytes(0.25, "haar") == (n / 8 + 64 * 4) / (n * 4)
    assert relative_bytes(0.25, "dft") == (n / 2 / 8 + 64 * 4) / (n * 4)
    assert relative_bytes(1, "space") > 1


X = torch.zeros(1, 1, 4)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: ANY(X.int(), "dct", [0.5]), TypeError, "torch.int32"),
        (lambda: ANY(X, "dst", [0.5]), ValueError, "'dst'"),
        (lambda: ANY(X, None, [0.5]), ValueError, "None"),
        (lambda: ANY(X, "dct", [50]), ValueError, "50"),
        (lambda: ANY(X, "dct", [-0.5]), ValueError, "-0.5"),
        (lambda: ANY(X, "dct", [float("nan")]), ValueError, "nan"),
        (lambda: ANY(X, "dct", ["0.5"]), TypeError, "'0.5'"),
        (lambda: ANY(X, "dct", [True]), TypeError, "True"),
        (lambda: ANY(X[0], "space", [0.5]), RuntimeError, "(1, 4)"),
        (lambda: relative_bytes(1.5, "dct"), ValueError, "1.5"),
        (lambda: relative_bytes(0.5, ANY), ValueError, "function"),
    ],
)
def test_it_is_refused_by_name(call: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=re.escape(told)) as caught:
        call()
    assert type(caught.value) is error
