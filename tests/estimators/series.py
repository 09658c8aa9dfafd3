"""A problem that is learnt in a moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def waves(cases: int = 24, length: int = 16, seed: int = 0) -> tuple[Floats, NDArray[np.str_]]:
    """Noise `(cases, length)`, of which every other case lies on a wave; and what each is."""
    X = np.random.default_rng(seed).standard_normal((cases, length)).astype(np.float32)
    X[1::2] += 3 * np.sin(np.arange(length))
    return X, np.resize(["noise", "wave"], cases)
