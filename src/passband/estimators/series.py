"""Series of time as an estimator is given them, and as its networks take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


def check_one_length(X: ArrayLike) -> None:
    """Refuses lists of series of several lengths, of which numpy does not tell the lengths.

    Raises:
        ValueError: There is more than one length.
    """
    lengths = _lengths(X)
    if len(lengths) > 1:
        raise ValueError(
            f"all series need one length; X has series of {min(lengths)} to {max(lengths)} "
            "time points"
        )


def as_maps(X: NDArray[np.float32]) -> Tensor:
    """Series as networks take them, `(cases, channels, time points)`; a copy.

    Raises:
        ValueError: They have neither two nor three axes, or one that is empty.
    """
    if X.ndim not in (2, 3) or 0 in X.shape:
        raise ValueError(
            f"X is (cases, time points) or (cases, channels, time points), none of them 0; "
            f"got {X.shape}"
        )
    maps = torch.tensor(X)
    return maps[:, None] if X.ndim == 2 else maps


def _lengths(X: Any) -> set[int]:
    """Of the last axis: several only where numpy can make no array."""
    if isinstance(X, np.ndarray) and X.dtype == object:
        X = X.tolist()  # an array of arrays
    try:
        return set(np.asarray(X).shape[-1:])
    except ValueError:
        return set().union(*map(_lengths, X))
