"""Weights to begin with."""

from __future__ import annotations

import math

from torch import nn

from passband.nn import SpecConv2d


def he_normal_(model: nn.Module) -> None:
    """Draws the weights of all two-dimensional convolutions anew, in place.

    He et al. 2015, equation 14: it keeps the variance of the gradient through ReLU.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def energy_keeping_(model: nn.Module) -> None:
    """Draws the weights of all convolutions of spectra anew, in place.

    Of variance one over what an output sums up (LeCun et al. 1998, section 4.6): a map's energy is
    that of the maps before, which by Parseval's theorem is the scale that an absolute beta and a
    tanh of coefficients stand for. No ReLU halves it here.
    """
    for module in model.modules():
        if isinstance(module, SpecConv2d):
            nn.init.normal_(module.weight, std=1 / math.sqrt(module.weight[0].numel()))
