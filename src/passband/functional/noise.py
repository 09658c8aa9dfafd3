"""Noise that is added to maps."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from passband.functional.arguments import check_choice, check_number

NoiseKind = Literal["gaussian", "uniform", "laplace"]


def add_noise(
    x: Tensor,
    sigma: float,
    kind: NoiseKind = "gaussian",
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Maps with independent noise of mean 0 and standard deviation `sigma` added to each value.

    Of all kinds sigma is the standard deviation: uniform noise lies within
    :math:`\pm\sqrt 3 \sigma`, Laplace noise has the scale :math:`\sigma / \sqrt 2`. Gradients pass
    unchanged, as they truly do.

    Args:
        x: any shape, real floating point; noise for float16 and bfloat16 is drawn in float32.
        sigma: standard deviation, at least 0, in the units of the map.
        kind: `"gaussian"`, `"uniform"` or `"laplace"`.
        generator: draws the noise, on the device of the map; by default PyTorch's own.

    Returns:
        Shape and dtype of `x`.

    Raises:
        TypeError: no real floating-point tensor, or an argument of a wrong type.
        ValueError: an unknown kind, or sigma below 0 or not finite.
        RuntimeError: a generator of another device.

    Source:
        The noise channels of Dziedzic and Krishnan, "Analysis of Random Perturbations for Robust
        Convolutional Neural Networks", arXiv:2002.03080.

    Examples:
        >>> noisy = add_noise(torch.zeros(10_000), 0.5, generator=torch.Generator().manual_seed(0))
        >>> round(noisy.std().item(), 2)
        0.5
    """
    sigma = check_noise("add_noise", sigma, kind)
    if not isinstance(x, Tensor) or not x.is_floating_point():
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"add_noise: the map is a real floating-point tensor; got {given}")
    check_generator("add_noise", generator)
    if generator is not None and generator.device.type != x.device.type:
        raise RuntimeError(
            f"add_noise: the generator is on the device of the map; got one on {generator.device} "
            f"for a map on {x.device}"
        )
    dtype = torch.promote_types(x.dtype, torch.float32)
    return (x + _drawn(x, dtype, kind, generator) * sigma).to(x.dtype)


def check_noise(name: str, sigma: object, kind: NoiseKind) -> float:
    """The standard deviation, if both arguments are such.

    Raises:
        TypeError: sigma is no number.
        ValueError: an unknown kind, or sigma below 0 or not finite.
    """
    check_choice(name, "kind", kind, get_args(NoiseKind))
    number = check_number(name, "sigma", sigma)
    if number < 0:
        raise ValueError(f"{name}: sigma is at least 0; got {sigma!r}")
    return number


def check_generator(name: str, generator: object) -> None:
    """A generator or None.

    Raises:
        TypeError: something else.
    """
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"{name}: generator is a torch.Generator or None; got {generator!r}")


def _drawn(
    x: Tensor, dtype: torch.dtype, kind: NoiseKind, generator: torch.Generator | None
) -> Tensor:
    """Noise of standard deviation 1 in the shape of a map."""
    # Compiled, they refuse a generator even of None.
    by: dict[str, Any] = {"generator": generator} if generator is not None else {}
    draw = partial(torch.rand, x.shape, dtype=dtype, device=x.device, **by)
    if kind == "gaussian":
        return torch.randn(x.shape, dtype=dtype, device=x.device, **by)
    if kind == "uniform":
        return (draw() * 2 - 1) * math.sqrt(3)
    # The difference of two exponential variables, by numbers below 1: it is never infinite.
    first, second = torch.log1p(-draw()), torch.log1p(-draw())
    return (first - second) * math.sqrt(0.5)
