import numpy as np
import pytest
from scipy import stats

from passband.lab.studies.ranks import (
    cliques,
    critical_difference,
    ranks,
    signed_rank,
    wins_ties_losses,
)


def test_ranks_are_those_of_scipy() -> None:
    scores = np.random.default_rng(0).integers(0, 5, (20, 6)) / 10
    for row in scores:
        np.testing.assert_allclose(ranks(row.tolist()), stats.rankdata(-row))


@pytest.mark.parametrize("count", [1, 3, 7, 20])
def test_signed_ranks_are_those_of_scipy(count: int) -> None:
    differences = np.random.default_rng(count).standard_normal(count)
    found = signed_rank(differences.tolist())
    assert found == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)
    assert signed_rank([0.0, *differences.tolist()]) == found  # zeros do not count


def test_tied_ranks_are_counted_over_every_sign() -> None:
    sizes = np.array([1.5, 1.5, 3, 5, 5, 5])  # of 1, 1, 2, 3, 3, 3
    signs = np.array([1, -1, 1, 1, 1, 1])
    signed = list(np.ndindex(*[2] * 6))
    sums = np.array([sum(sizes[np.array(bits) == 1]) for bits in signed])
    least = min(sizes[signs > 0].sum(), sizes[signs < 0].sum())
    differences = (np.array([1, 1, 2, 3, 3, 3]) * signs).tolist()
    assert signed_rank(differences) == pytest.approx(2 * (sums <= least).mean())


def test_without_a_difference_nothing_is_shown() -> None:
    assert signed_rank([0.0, 0.1 - 0.1]) == 1
    assert wins_ties_losses([0.1, 0.3 - 0.1 - 0.2, -0.2, 0.3]) == (2, 1, 1)


@pytest.mark.parametrize("settings", range(2, 11))
def test_critical_differences_are_of_the_studentised_range(settings: int) -> None:
    q = stats.studentized_range.ppf(0.95, settings, 1e6) / np.sqrt(2)
    wanted = q * np.sqrt(settings * (settings + 1) / (6 * 30))
    assert critical_difference(settings, 30) == pytest.approx(wanted, rel=2e-3)


def test_there_is_none_for_one_setting_or_eleven() -> None:
    assert critical_difference(1, 30) is None
    assert critical_difference(11, 30) is None


def test_groups_that_do_not_differ_are_the_largest() -> None:
    assert cliques([3.0, 1.0, 1.4, 2.2, 5.0], 1.0) == [(1.0, 1.4), (1.4, 2.2), (2.2, 3.0)]
    assert cliques([1.0, 2.0], 0.5) == []
