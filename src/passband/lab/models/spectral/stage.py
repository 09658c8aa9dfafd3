"""A stage: from maps to their spectrum, blocks one after another, and back to maps."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise

from torch import nn

import passband as pb
from passband.functional import margin_for
from passband.lab.checks import check_choice
from passband.lab.models.initial import energy_keeping_
from passband.nn import SpecBlock2d, SpecConv2d, ToSpace, ToSpectrum
from passband.packing.sparse import Store

MARGINS = ("paper", "none", "exact")
_WASTEFUL = nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Dropout


@dataclass(frozen=True)
class Blocks:
    """How the stages and blocks of a network are made.

    Attributes:
        beta: of each threshold. Without norm it has the absolute scale of the spectrum; with it, it
            is a fraction of the root mean square of each channel's coefficients.
        activation: of real and imaginary parts, a name of `passband.functional.activations`.
        margin: zeros behind the maps of a stage: `paper`, as many as the largest kernel has taps
            (35 points for 32 samples, 19 for 16; table 1); `none`; or `exact`, so many that no
            convolution of the stage meets samples around the ring.
        store: how backward holds what a threshold keeps: `exact`, `bfloat16` or `int8`.
        norm: whether each convolution is followed by spectral batch norm, which the paper has not.

    Raises:
        ValueError: there is no such margin.
    """

    beta: float
    activation: str
    margin: str
    store: Store
    norm: bool

    def __post_init__(self) -> None:
        check_choice("margin", self.margin, MARGINS)

    def block(
        self, in_channels: int, channels: int, kernel: int, *, bias: bool = True
    ) -> SpecBlock2d:
        """Convolution, norm, threshold and activation.

        Raises:
            TypeError, ValueError: beta, the activation or the store is none.
        """
        return SpecBlock2d(
            in_channels, channels, kernel, beta=self.beta, activation=self.activation,
            norm=self.norm, store=self.store, bias=bias,
        )  # fmt: skip

    def stage(self, **blocks: nn.Module) -> nn.Sequential:
        """Blocks one after another, all in the spectrum (Algorithm 1).

        Args:
            **blocks: each takes and returns a spectrum.
        """
        inside = nn.Sequential(OrderedDict(blocks))
        kernels = [m.kernel_size for m in inside.modules() if isinstance(m, SpecConv2d)]
        margin = (0, 0)
        if self.margin == "paper":
            margin = max(k[0] for k in kernels), max(k[1] for k in kernels)
        elif self.margin == "exact":
            rows, columns = margin_for(*kernels)
            margin = rows, columns
        layers = OrderedDict[str, nn.Module](to_spectrum=ToSpectrum(margin))
        layers.update(blocks)
        layers["to_space"] = ToSpace()
        return nn.Sequential(layers)


def finished(layers: OrderedDict[str, nn.Module]) -> nn.Sequential:
    """The network of these layers, with weights to begin with.

    Layers in space that would hold more for backward than they need have a memory policy: a
    max-pool, for instance, holds a byte for each output in place of its input and eight.
    """
    model = nn.Sequential(layers)
    energy_keeping_(model)
    for layer, after in pairwise(model):
        # What a ReLU returns a linear layer holds anyway, but not a dropout.
        wasteful = isinstance(layer, nn.ReLU) and isinstance(after, nn.Dropout)
        if wasteful or isinstance(layer, _WASTEFUL):
            pb.convert_(layer, None, memory=pb.MemoryPolicy.exact())
    return model
