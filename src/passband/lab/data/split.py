"""Splits without random numbers: the same for every seed, machine and library version."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def tails(labels: Tensor, share: float) -> tuple[list[int], list[int]]:
    """Cuts each class once, in the order of the file.

    Args:
        labels: class indices `(N,)`.
        share: of each class that its tail has, above 0 and below 1; rounded to whole samples, but
            at least one, and one less than all.

    Returns:
        The positions of the heads and of the tails, both in the order of the file.

    Raises:
        ValueError: the share is not between 0 and 1, or a class has fewer than two samples.

    Example:
        >>> tails(torch.tensor([0, 1, 0, 0, 1, 0]), 0.25)
        ([0, 1, 2, 3], [4, 5])
    """
    if not 0 < share < 1:  # false for NaN, too
        raise ValueError(f"the share to hold out lies above 0 and below 1; got {share!r}")
    in_tail = torch.zeros(len(labels), dtype=torch.bool)
    classes, counts = (found.tolist() for found in labels.unique(return_counts=True))
    few = {label: count for label, count in zip(classes, counts, strict=True) if count < 2}
    if few:
        raise ValueError(
            "to hold samples out, each class needs two or more in the training set, one for either "
            f"side; samples by class index, where there are fewer: {few}"
        )
    for label, count in zip(classes, counts, strict=True):
        taken = min(max(math.floor(share * count + 0.5), 1), count - 1)
        in_tail[(labels == label).nonzero().squeeze(1)[count - taken :]] = True
    heads, ends = ((chosen.nonzero().squeeze(1)).tolist() for chosen in (~in_tail, in_tail))
    return heads, ends
