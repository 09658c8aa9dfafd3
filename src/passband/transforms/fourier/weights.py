"""The scale of a half spectrum's coefficients."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from passband.transforms.fourier.axis import Axis

Norm = Literal["parseval", "none"]
"""`"none"`: the plain sum. `"parseval"`: each coefficient times √(multiplicity / L), so that the
squares of a map's half spectrum sum to the energy of its kept part, and the adjoint of the
transform is its inverse."""


def multiplicity(axis: Axis) -> list[int]:
    """How often each kept bin of the halved axis stands in the whole spectrum (1 or 2)."""
    return [1 if 2 * k % axis.length == 0 else 2 for k in range(axis.modes)]


def weights(axis: Axis, norm: Norm, *, half: bool, like: Tensor) -> Tensor:
    """Weight of each bin of the halved axis, `(m,)`, or the one weight of another axis, `()`."""
    if norm == "none":
        values: list[float] | float = [1.0] * axis.modes if half else 1.0
    elif half:
        values = [(c / axis.length) ** 0.5 for c in multiplicity(axis)]
    else:
        values = axis.length**-0.5
    return torch.tensor(values, dtype=like.dtype, device=like.device)
