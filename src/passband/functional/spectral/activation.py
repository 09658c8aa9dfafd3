"""Activations of spectra: one function for the real and one for the imaginary part.

A spectrum belongs to real maps if mirrored bins are conjugate. So the function of the imaginary
part must be odd; that of the real part may be any. Both are monotone, are 0 at 0 (a coefficient
below the threshold stays 0), and have a derivative that follows from their value: then backward
needs the activation's output, which the next convolution holds anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.spelling import meant

Elementwise = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Part:
    """A monotone function of a real number with f(0) = 0.

    Attributes:
        name: by which the compiled kernels know it, where they do.
        function: f.
        derivative: f' as a function of the value f(x).
        odd: whether f(-x) = -f(x).
        smooth: whether the derivative is continuous, so that it follows from a rounded value.
    """

    name: str
    function: Elementwise
    derivative: Elementwise
    odd: bool = True
    smooth: bool = True


_PARTS = {
    part.name: part
    for part in (
        Part("identity", lambda x: x, torch.ones_like),
        Part("tanh", torch.tanh, lambda y: 1 - y * y),
        Part("softsign", F.softsign, lambda y: (1 - y.abs()).square()),
        Part("arctan", torch.atan, lambda y: torch.cos(y).square()),
        Part("hardtanh", F.hardtanh, lambda y: (y.abs() < 1).to(y.dtype), smooth=False),
        Part("softshrink", F.softshrink, lambda y: (y != 0).to(y.dtype), smooth=False),
        Part("relu", torch.relu, lambda y: (y > 0).to(y.dtype), odd=False, smooth=False),
    )
}
_ACTIVATIONS: dict[str, tuple[Part, Part]] = {
    **{name: (part, part) for name, part in _PARTS.items() if part.odd},
    # Eq. 5's condition leaves the real part free: what it rectifies still belongs to real maps.
    "relu-tanh": (_PARTS["relu"], _PARTS["tanh"]),
    "relu-identity": (_PARTS["relu"], _PARTS["identity"]),
}
_GRID = 8.0  # how far from 0, and in how many steps, a new activation is looked at
_STEPS = 4001


def activations() -> Mapping[str, tuple[Part, Part]]:
    """What there is by name: the functions of the real and of the imaginary part.

    Examples:
        >>> real, imaginary = activations()["tanh"]
        >>> real.function(torch.tensor(0.0)), real.derivative(torch.tensor(0.5))
        (tensor(0.), tensor(0.7500))
    """
    return dict(_ACTIVATIONS)


def activation_of(name: str) -> tuple[Part, Part]:
    """The functions of real and imaginary part.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in _ACTIVATIONS:
        raise ValueError(
            f"unknown activation of spectra {name!r}; there is {', '.join(_ACTIVATIONS)}"
            f"{meant(name, _ACTIVATIONS)}"
        )
    return _ACTIVATIONS[name]


def register_activation(name: str, real: Part, imaginary: Part | None = None) -> None:
    """Add an activation, which is tried first on numbers from -8 to 8.

    Args:
        name: a new one.
        real: of the real part.
        imaginary: of the imaginary part, by default the same.

    Raises:
        TypeError: a function is not given as a `Part`.
        ValueError: a name is taken, or a function breaks what every activation must keep: f(0) is
            not 0, it is not monotone, its derivative is another function's, or that of the
            imaginary part is not odd, so that maps would not stay real.

    Examples:
        >>> register_activation("algebraic", Part(
        ...     "algebraic", lambda x: x / (1 + x * x).sqrt(), lambda y: (1 - y * y) ** 1.5))
    """
    imaginary = imaginary or real
    if name in _ACTIVATIONS:
        raise ValueError(f"there is an activation {name!r} already")
    for part in (real, imaginary):
        if not isinstance(part, Part):
            raise TypeError(
                f"activation {name!r}: a function is a Part(name, function, derivative), the "
                f"derivative as a function of the value; got {part!r}"
            )
        if _PARTS.get(part.name, part) is not part:
            raise ValueError(f"there is a function {part.name!r} already")
    for part, what in ((real, "real"), (imaginary, "imaginary")):
        if problem := _problem(part, odd=what == "imaginary"):
            raise ValueError(f"activation {name!r}: the function of the {what} part {problem}")
    _ACTIVATIONS[name] = (real, imaginary)


def _problem(part: Part, *, odd: bool) -> str | None:
    x = torch.linspace(-_GRID, _GRID, _STEPS, dtype=torch.float64)
    x[_STEPS // 2] = 0
    y = part.function(x)
    if not y.isfinite().all():
        return f"is not finite at {x[~y.isfinite()][0].item():g}"
    if y[_STEPS // 2] != 0:
        return f"is {y[_STEPS // 2].item():g} at 0, not 0"
    if odd and not torch.allclose(y.flip(0), -y, rtol=1e-9, atol=1e-12):
        at = int((y.flip(0) + y).abs().argmax())
        return (
            f"is not odd: {y[at].item():g} at {x[at].item():g} and {y[-1 - at].item():g} at "
            f"{x[-1 - at].item():g}; mirrored bins would not be conjugate"
        )
    if (y.diff() < 0).any():
        at = int(y.diff().argmin())
        return f"is not monotone: it falls between {x[at].item():g} and {x[at + 1].item():g}"
    slope, claimed = y.diff() / x.diff(), part.derivative(y)
    # Between two points a slope lies between the derivatives there, but for a kink in the middle.
    low = torch.minimum(claimed[1:], claimed[:-1]) - 1e-3
    high = torch.maximum(claimed[1:], claimed[:-1]) + 1e-3
    wrong = (slope < low) | (slope > high)
    if wrong.sum() > _STEPS // 1000:
        at = int(wrong.nonzero()[0])
        return (
            f"has a slope of {slope[at].item():g} at {x[at].item():g}, where its derivative is "
            f"said to be {claimed[at].item():g}"
        )
    return None
