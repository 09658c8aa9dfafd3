"""What a band means: mode counts against an independent search in exact arithmetic."""

from __future__ import annotations

import itertools
import json
from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import Any, get_args

import numpy as np
import pytest

from passband import Band
from passband.band import FFTSize, bins, count_all, count_kept, next_smooth

KEEPS = (
    "1",
    "0.9",
    "0.75",
    "2/3",
    "0.6",
    "0.5",
    "0.4",
    "0.25",
    "0.2",
    "0.1",
    "0.05",
    "0.01",
    "1e-6",
)


def kept_bins(L: int, m: int) -> int:
    """Bins |k| <= m - 1 of a ring of L, by looking at each."""
    return sum(min(k, L - k) <= m - 1 for k in range(L))


def nearest(L: int, keep: Fraction, dims: int) -> int:
    """The mode count whose share to the power `dims` is nearest; of two, the larger."""
    best, distance = 0, Fraction(10)
    for m in range(1, L // 2 + 2):
        d = abs(Fraction(kept_bins(L, m), L) ** dims - keep)
        if d <= distance:
            best, distance = m, d
    return best


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("keep", KEEPS)
def test_keep_takes_the_nearest_share_for_every_length(keep: str, dims: int) -> None:
    exact = Fraction(keep)
    band = Band(keep=float(exact))
    for L in range(1, 71):
        assert band.resolve((L,) * dims) == (nearest(L, exact, dims),) * dims, (L, dims)


def test_the_nearest_share_is_not_searched_one_by_one() -> None:
    L = 2**40 + 1
    for keep, bins_kept in ((1.0, L), (0.25, L / 4), (1e-9, L / 1e9)):
        (m,) = Band(keep=keep).resolve((L,))
        assert abs((2 * m - 1) - bins_kept) <= 1


def test_numbers_beyond_a_float_are_out_of_range() -> None:
    for entry in ("keep", "cutoff", "energy"):
        with pytest.raises(ValueError, match=rf"{entry} lies in \(0, 1\]"):
            Band.from_dict({"version": 1, entry: 10**400})


def test_who_says_percent_is_told_the_share() -> None:
    with pytest.raises(ValueError, match=r"^keep lies in \(0, 1\]; got 25: 25 % is 0\.25$"):
        Band(keep=25)
    with pytest.raises(ValueError, match=r"^energy lies in \(0, 1\]; got -5$"):
        Band(energy=-5)


def test_a_tie_goes_to_the_larger_also_when_the_decimal_is_not_exact() -> None:
    tie = [  # (L, keep): two counts equally far in exact decimals
        (L, Fraction(a + b, 2 * L))
        for L in range(2, 60)
        for a, b in itertools.pairwise(sorted({kept_bins(L, m) for m in range(1, L // 2 + 2)}))
    ]
    assert len(tie) > 500
    for L, keep in tie:
        (m,) = Band(keep=float(keep)).resolve((L,))
        assert kept_bins(L, m) > keep * L, (L, keep)
        assert m == nearest(L, keep, 1)


@pytest.mark.parametrize(
    ("band", "lengths", "modes"),
    [
        # DESIGN section 3: "L=5, keep .25: 3 of 5 bins per axis, not DC alone"
        (Band(keep=0.25), (5, 5), (2, 2)),
        (Band(keep=0.25), (34, 34), (9, 9)),
        (Band(keep=1), (8, 9, 1), (5, 5, 1)),
        (Band(keep=0.5), (4,), (2,)),  # 1/4 or 3/4 are equally near
        (Band(keep=(0.5, 1.0)), (10, 6), (3, 4)),  # 5/10 of the first, all of the second
        (Band(keep=(0.25, 0.5, 0.75)), (16, 16, 16), (3, 5, 7)),  # 5, 9 or 7, 13 or 11: ties up
        (Band(keep=1e-9), (64, 64), (1, 1)),
        (Band(cutoff=0.5), (34,), (9,)),  # |k| <= 8.5
        (Band(cutoff=0.5), (32,), (9,)),  # |k| <= 8, inclusive
        (Band(cutoff=0.5), (31,), (8,)),  # |k| <= 7.75
        (Band(cutoff=(0.25, 1.0)), (32, 9), (5, 5)),
        (Band(cutoff=0.1), (5, 5), (1, 1)),
        (Band(cutoff=1), (1, 2, 3), (1, 2, 2)),
        (Band(modes=3), (9, 40), (3, 3)),
        (Band(modes=(3, 1, 5)), (9, 40, 8), (3, 1, 5)),
    ],
    ids=repr,
)
def test_resolve(band: Band, lengths: tuple[int, ...], modes: tuple[int, ...]) -> None:
    assert band.resolve(lengths) == modes


def test_a_cutoff_at_a_bin_includes_that_bin() -> None:
    for L in range(1, 71):
        for k in range(L // 2 + 1):
            fraction = Fraction(2 * k, L)
            if fraction:
                assert Band(cutoff=float(fraction)).resolve((L,)) == (k + 1,), (L, k)


def test_any_cutoff_keeps_exactly_the_bins_below_it() -> None:
    for L, c in itertools.product(range(1, 71), (0.03, 0.2, 0.37, 0.5, 0.81, 0.99, 1.0)):
        below = max(k for k in range(L // 2 + 1) if k <= Fraction(str(c)) * L / 2)
        assert Band(cutoff=c).resolve((L,)) == (below + 1,), (L, c)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_reference_policy_takes_the_papers_count(dims: int) -> None:
    # Code of Dziedzic et al. 2019: int((N / 2 + 1) * sqrt(1 - c / 100)) in 2D; at least the mean.
    for N in (2, 4, 8, 16, 32, 64, 128):
        for c in (0, 0.5, 3, 6, 10, 12, 20, 30, 48, 50, 76, 84, 99, 99.99):
            keep = 1 - c / 100
            (m, *_) = Band(keep=keep, fft_size="reference").resolve((N,) * dims)
            # m is the largest count with m <= (N / 2 + 1) keep ** (1 / dims)
            bound = Fraction(keep) * (N // 2 + 1) ** dims
            assert m == 1 or m**dims <= bound * (1 + Fraction(1, 10**12)), (N, c)
            assert (m + 1) ** dims > bound * (1 - Fraction(1, 10**12)), (N, c)


def test_the_reference_policy_reads_each_entry_of_a_tuple_as_a_share_of_its_axis() -> None:
    assert Band(keep=(0.5, 0.25), fft_size="reference").resolve((128, 128)) == (32, 16)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_count_kept_is_the_number_of_bins_of_numpys_half_spectrum(dims: int) -> None:
    sizes = [1, 2, 3, 4, 5, 8, 9][: 7 if dims < 3 else 5]
    for lengths in itertools.product(sizes, repeat=dims):
        for fraction in (0.0, 0.4, 0.7, 1.0):
            modes = [1 + int(fraction * (L // 2)) for L in lengths]
            full = [np.abs(np.fft.fftfreq(L, 1 / L)) for L in lengths[:-1]]
            half = np.abs(np.fft.rfftfreq(lengths[-1], 1 / lengths[-1]))
            grids = np.meshgrid(*full, half, indexing="ij")
            kept = np.ones(grids[0].shape, dtype=bool)
            for grid, m in zip(grids, modes, strict=True):
                kept &= np.round(grid) <= m - 1
            assert count_kept(lengths, modes) == int(kept.sum()), (lengths, modes)
            shape = np.fft.rfftn(np.zeros(lengths)).shape
            assert count_all(lengths) == int(np.prod(shape)), lengths


def test_bins_of_one_axis() -> None:
    for L in range(1, 30):
        for m in range(1, L // 2 + 2):
            assert bins(L, m, half=False) == kept_bins(L, m)
            assert bins(L, m, half=True) == m


def test_all_modes_keep_everything_and_one_less_drops_the_highest() -> None:
    for L in range(1, 40):
        assert kept_bins(L, L // 2 + 1) == L
        if L > 1:
            dropped = L - bins(L, L // 2, half=False)
            assert dropped == (1 if L % 2 == 0 else 2)


def test_transform_length_policies() -> None:
    smooth = sorted(
        2**a * 3**b * 5**c * 7**d
        for a in range(11)
        for b in range(7)
        for c in range(5)
        for d in range(4)
    )
    for n in range(1, 400):
        assert Band(keep=1).transform_length(n, 2 * n) == n
        expected = next(s for s in smooth if s >= n)
        assert next_smooth(n) == expected
        assert Band(keep=1, fft_size="fast").transform_length(n, 2 * n) == expected
        power = Band(keep=1, fft_size="reference").transform_length(n, 2 * n)
        assert power >= 2 * n > power / 2
        assert power.bit_count() == 1
    # Dziedzic et al. 2019: 32 -> 128, 16 -> 64, 8 -> 32, 4 -> 16, 2 -> 8, of n + 2p + out - 1
    for n, N in ((32, 128), (16, 64), (8, 32), (4, 16), (2, 8)):
        assert Band(keep=1, fft_size="reference").transform_length(n + 1, n + 2 + n - 1) == N
    # an even kernel may reach further than the paper's length: never shorter than exact
    assert Band(keep=1, fft_size="reference").transform_length(9, 8) == 16


EVERY = [
    (Band(keep=0.5), "Band(keep=0.5)", {"keep": 0.5}),
    (Band(keep=1), "Band(keep=1.0)", {"keep": 1.0}),
    (Band(keep=(0.5, 0.25)), "Band(keep=(0.5, 0.25))", {"keep": [0.5, 0.25]}),
    (Band(cutoff=0.3), "Band(cutoff=0.3)", {"cutoff": 0.3}),
    (Band(cutoff=(0.3, 1)), "Band(cutoff=(0.3, 1.0))", {"cutoff": [0.3, 1.0]}),
    (Band(modes=7), "Band(modes=7)", {"modes": 7}),
    (Band(modes=(7, 3)), "Band(modes=(7, 3))", {"modes": [7, 3]}),
    (Band(energy=0.9), "Band(energy=0.9)", {"energy": 0.9}),
    (
        Band(energy=0.9, dynamic=True),
        "Band(energy=0.9, dynamic=True)",
        {"energy": 0.9, "dynamic": True},
    ),
    (
        Band(keep=0.5, fft_size="reference"),
        "Band(keep=0.5, fft_size='reference')",
        {"keep": 0.5, "fft_size": "reference"},
    ),
    (
        Band(modes=2, fft_size="fast"),
        "Band(modes=2, fft_size='fast')",
        {"modes": 2, "fft_size": "fast"},
    ),
]


@pytest.mark.parametrize(("band", "text", "entries"), EVERY, ids=[text for _, text, _ in EVERY])
def test_repr_and_the_way_through_json(band: Band, text: str, entries: dict[str, Any]) -> None:
    assert repr(band) == text
    assert eval(text) == band
    described = band.to_dict()
    assert described == {"version": 1, "fft_size": "minimal", "dynamic": False} | entries
    back = Band.from_dict(json.loads(json.dumps(described)))
    assert back == band
    assert hash(back) == hash(band)
    assert described == band.to_dict(), "from_dict leaves its argument as it was"


def test_every_fft_size_survives_json() -> None:
    for size in get_args(FFTSize):
        band = Band(keep=0.5, fft_size=size)
        assert Band.from_dict(json.loads(json.dumps(band.to_dict()))).fft_size == size


def test_it_is_frozen_and_a_key() -> None:
    band = Band(keep=0.5)
    with pytest.raises(FrozenInstanceError):
        band.keep = 0.25  # type: ignore[misc]
    distinct = {band for band, _, _ in EVERY}
    assert len(distinct) == len(EVERY)
    assert {band: "a", Band(keep=0.5): "b"} == {band: "b"}
    assert Band(keep=(0.5, 0.5)) != Band(keep=0.5)


def test_numbers_of_any_real_type_mean_the_same_band() -> None:
    assert Band(keep=Fraction(1, 4)) == Band(keep=0.25)  # type: ignore[arg-type]
    assert Band(keep=np.float64(0.25)) == Band(keep=0.25)
    assert Band(modes=np.int64(3)) == Band(modes=3)  # type: ignore[arg-type]
    listed = Band(keep=[0.5, 0.25])  # type: ignore[arg-type]
    assert listed == Band(keep=(0.5, 0.25))
    assert hash(listed) == hash(Band(keep=(0.5, 0.25)))
    assert type(Band(modes=np.int64(3)).modes) is int  # type: ignore[arg-type]
    json.dumps(Band(keep=np.float32(0.25)).to_dict())  # type: ignore[arg-type]
