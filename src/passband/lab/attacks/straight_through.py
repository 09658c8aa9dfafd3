"""Thresholds whose gradient is that of doing nothing."""

from copy import deepcopy

from torch import nn

from passband.functional.spectral.spectrum import Spectrum
from passband.nn import Threshold


def has_thresholds(network: nn.Module) -> bool:
    """Whether a network zeroes coefficients by their magnitude."""
    return any(isinstance(module, Threshold) for module in network.modules())


def straight_through(network: nn.Module) -> nn.Module:
    """A copy whose thresholds let every gradient pass; its logits are the same.

    The true gradient of a threshold says nothing of coefficients that it zeroes and a small change
    would let live.

    Source:
        Athalye et al., "Obfuscated Gradients Give a False Sense of Security", ICML 2018: backward
        pass differentiable approximation.
    """
    copy = deepcopy(network)
    for parent in list(copy.modules()):
        for name, child in parent.named_children():
            if isinstance(child, Threshold):
                setattr(parent, name, _Through(child))
    return copy


class _Through(nn.Module):
    def __init__(self, threshold: Threshold) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, spectrum: Spectrum) -> Spectrum:
        kept = self.threshold(spectrum).values.detach()
        values = spectrum.values
        nothing = values - values.detach()  # but for its gradient
        return spectrum.with_values(kept + nothing)
