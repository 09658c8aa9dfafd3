"""Weights to begin with (He et al. 2015)."""

from __future__ import annotations

from torch import nn

from passband.nn import SpecConv2d


def he_normal_(model: nn.Module) -> None:
    """Draws the weights of all two-dimensional convolutions anew, in place.

    He et al. 2015, equation 14: it keeps the variance of the gradient through ReLU.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | SpecConv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
