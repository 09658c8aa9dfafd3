"""Statistics of classifiers over many problems (Demšar, JMLR 2006)."""

import math
from collections.abc import Sequence

import numpy as np

# Demšar 2006, table 5(a): two-tailed Nemenyi test at 0.05, for 2 to 10 classifiers.
_NEMENYI = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)
_DIGITS = 9  # of an accuracy: means that differ behind them are the same


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each, 1 for the highest; equal ones share the mean of theirs.

    Example:
        >>> ranks([0.8, 0.9, 0.8])
        [2.5, 1.0, 2.5]
    """
    rounded = [round(value, _DIGITS) for value in values]
    return [
        sum(other > mine for other in rounded) + (rounded.count(mine) + 1) / 2 for mine in rounded
    ]


def critical_difference(settings: int, problems: int) -> float | None:
    """Average ranks that are farther apart differ at the level 0.05 (Nemenyi, section 3.2.2).

    Args:
        settings: How many are compared.
        problems: On how many.

    Returns:
        The difference of ranks; None for one setting or more than ten.

    Example:
        >>> round(critical_difference(4, 14), 2)  # the paper's example
        1.25
    """
    if not 2 <= settings <= len(_NEMENYI) + 1:
        return None
    return _NEMENYI[settings - 2] * math.sqrt(settings * (settings + 1) / (6 * problems))


def cliques(average: Sequence[float], difference: float) -> list[tuple[float, float]]:
    """The lowest and highest rank of each largest group that does not differ, groups of one not.

    Example:
        >>> cliques([1.0, 1.5, 2.8], 0.6)
        [(1.0, 1.5)]
    """
    found: list[tuple[float, float]] = []
    for low in sorted(average):
        high = max(rank for rank in average if rank - low <= difference)
        if high > low and (not found or high > found[-1][1]):
            found.append((low, high))
    return found


def wins_ties_losses(differences: Sequence[float]) -> tuple[int, int, int]:
    """How many are above zero, zero, and below."""
    rounded = [round(value, _DIGITS) for value in differences]
    return (
        sum(value > 0 for value in rounded),
        sum(value == 0 for value in rounded),
        sum(value < 0 for value in rounded),
    )


def signed_rank(differences: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test, exact also with ties; zeros do not count.

    Under the hypothesis each rank has either sign with probability 1/2, and the distribution of the
    sum of positive ranks is made rank by rank.

    Args:
        differences: One for each problem.

    Returns:
        The probability; 1 if there is no difference at all.

    Example:
        >>> signed_rank([0.1, 0.2, 0.3])  # the most extreme of eight cases, on both sides
        0.25
    """
    rounded = [round(value, _DIGITS) for value in differences]
    signs = [value > 0 for value in rounded if value]
    # Twice the ranks by magnitude, the smallest first: whole numbers where two share one.
    sizes = [round(2 * rank) for rank in ranks([-abs(value) for value in rounded if value])]
    chance = np.ones(1)
    for size in sizes:
        shifted = np.zeros(len(chance) + size)
        shifted[: len(chance)] += chance / 2
        shifted[size:] += chance / 2
        chance = shifted
    positive = sum(size for size, sign in zip(sizes, signs, strict=True) if sign)
    least = min(positive, sum(sizes) - positive)
    return min(1.0, 2 * float(chance[: least + 1].sum()))
