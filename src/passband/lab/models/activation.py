"""The activation of a network, by name."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from passband.lab.checks import check_choice

_ACTIVATIONS: Mapping[str, type[nn.ReLU | nn.SiLU]] = {"relu": nn.ReLU, "silu": nn.SiLU}


def activation_of(name: str) -> type[nn.ReLU | nn.SiLU]:
    """The class of an activation, which is made without arguments.

    Args:
        name: `relu`, or `silu` (x times its logistic function; Elfwing et al. 2018, section 2).

    Raises:
        ValueError: there is no such activation.
    """
    check_choice("activation", name, tuple(_ACTIVATIONS))
    return _ACTIVATIONS[name]
