"""Values rounded to as few levels as a colour depth has."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import get_args

import torch
from torch import Tensor

from passband.functional.arguments import check_choice, check_number
from passband.functional.replaced import InputGradient, replaced

MOST_BITS = 16


def round_colors(
    x: Tensor,
    bits: int,
    low: float = 0.0,
    high: float = 1.0,
    *,
    gradient: InputGradient = "true",
) -> Tensor:
    r"""Round to the nearest of :math:`2^b` levels, b bits, that begin at `low` and end at `high`.

    .. math:: y = \mathrm{low} + \frac{\mathrm{high} - \mathrm{low}}{2^b - 1}
        \, \mathrm{round}\Big((2^b - 1)
        \frac{\mathrm{clamp}(x) - \mathrm{low}}{\mathrm{high} - \mathrm{low}}\Big)

    Halfway between two levels it is the one of even number, as in `torch.round`. Levels are
    computed in float32 (float64 for float64) and rounded to the dtype of the maps. Autograd holds
    nothing for it.

    Args:
        x: any shape, real floating point.
        bits: of the colour depth, from 1 to 16.
        low: the lowest level; values below it become it.
        high: the highest level; values above it become it.
        gradient: `"true"`, which is zero wherever there is one, or `"identity"` to pass gradients
            as if nothing was rounded, outside of the levels too (BPDA).

    Returns:
        Shape and dtype of `x`.

    Raises:
        TypeError: no real floating-point tensor, or an argument of a wrong type.
        ValueError: an argument out of its range, or levels that do not rise.

    Source:
        Xu, Evans and Qi, "Feature Squeezing: Detecting Adversarial Examples in Deep Neural
        Networks", NDSS 2018, section III-A. BPDA: Athalye et al., "Obfuscated Gradients Give a
        False Sense of Security", ICML 2018, section 4.1.

    Examples:
        >>> round_colors(torch.tensor([-1.0, 0.2, 0.4, 0.9]), bits=2)
        tensor([0.0000, 0.3333, 0.3333, 1.0000])
    """
    bits, low, high = check_levels("round_colors", bits, low, high)
    check_choice("round_colors", "gradient", gradient, get_args(InputGradient))
    if not isinstance(x, Tensor) or not x.is_floating_point():
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"round_colors: the map is a real floating-point tensor; got {given}")
    step = partial(_rounded, last=2**bits - 1, low=low, high=high)
    return replaced(x, step, 1 if gradient == "identity" else 0)


def check_levels(name: str, bits: object, low: object, high: object) -> tuple[int, float, float]:
    """Number and range of levels.

    Raises:
        TypeError: bits that are no whole number, or a bound that is no number.
        ValueError: one out of its range.
    """
    if isinstance(bits, bool) or not isinstance(bits, Integral):
        raise TypeError(f"{name}: bits is a whole number; got {bits!r}")
    if not 1 <= int(bits) <= MOST_BITS:
        raise ValueError(f"{name}: bits lies in [1, {MOST_BITS}]; got {bits!r}")
    bottom, top = check_number(name, "low", low), check_number(name, "high", high)
    if bottom >= top:
        raise ValueError(f"{name}: low is below high; got low={low!r}, high={high!r}")
    return int(bits), bottom, top


def _rounded(x: Tensor, last: int, low: float, high: float) -> Tensor:
    fine = x.to(torch.promote_types(x.dtype, torch.float32))
    number = ((fine - low) * (last / (high - low))).round().clamp(0, last)
    # By lerp, which is exact at both ends.
    bottom, top = (torch.full((), end, dtype=fine.dtype, device=fine.device) for end in (low, high))
    return torch.lerp(bottom, top, number / last).to(x.dtype)
