"""Layers whose gradient says little, with that of doing nothing in its place."""

from copy import deepcopy

from torch import nn

from passband.functional.spectral.spectrum import Spectrum
from passband.nn import ColorDepth, Threshold


def misleads(network: nn.Module) -> bool:
    """Whether a network has layers whose gradient says little: thresholds, or rounding."""
    return any(_says_little(module) for module in network.modules())


def straight_through(network: nn.Module) -> nn.Module:
    """A copy whose thresholds and rounding let every gradient pass; its logits are the same.

    The true gradient of a threshold says nothing of coefficients that it zeroes and a small change
    would let live; that of rounding is zero.

    Source:
        Athalye et al., "Obfuscated Gradients Give a False Sense of Security", ICML 2018: backward
        pass differentiable approximation.
    """
    copy = deepcopy(network)
    if isinstance(copy, Threshold | ColorDepth):
        return _passing(copy)
    for parent in list(copy.modules()):
        for name, child in list(parent._modules.items()):  # a layer that is there twice, twice
            if isinstance(child, Threshold | ColorDepth):
                setattr(parent, name, _passing(child))
    return copy


def _says_little(module: nn.Module) -> bool:
    if isinstance(module, ColorDepth):
        return module.gradient == "true"
    return isinstance(module, Threshold)


def _passing(layer: Threshold | ColorDepth) -> nn.Module:
    if isinstance(layer, Threshold):
        return _Through(layer)
    return ColorDepth(layer.bits, layer.low, layer.high, gradient="identity")


class _Through(nn.Module):
    def __init__(self, threshold: Threshold) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, spectrum: Spectrum) -> Spectrum:
        kept = self.threshold(spectrum).values.detach()
        values = spectrum.values
        nothing = values - values.detach()  # but for its gradient
        return spectrum.with_values(kept + nothing)
