"""SpecDenseNet: the dense network of SpecNet's table 1, from end to end in two spectra."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

import passband as pb
from passband.functional import cat_spectra
from passband.lab.checks import check_choice, check_count
from passband.lab.models.densenet_table1 import LAYERS
from passband.lab.models.spectral.stage import Blocks, finished
from passband.nn import SpecBlock2d
from passband.packing.sparse import Store

LAYOUTS = ("table1", "like")
POOLS = {"avg": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}


class SpecDenseLayer(nn.Module):
    """Two blocks; what they find joins their input, in the spectrum.

    Args:
        block1: takes the channels of the input.
        block2: takes those of the first block.
    """

    def __init__(self, block1: SpecBlock2d, block2: SpecBlock2d) -> None:
        super().__init__()
        self.block1, self.block2 = block1, block2

    def forward(self, spectrum: pb.Spectrum) -> pb.Spectrum:
        """The channels of the input, and then those of the second block."""
        return cat_spectra([spectrum, self.block2(self.block1(spectrum))])


def spec_densenet(
    num_classes: int,
    in_channels: int,
    growth: int = 64,
    layout: str = "table1",
    global_pool: str = "avg",
    beta: float = 0.5,
    activation: str = "tanh",
    margin: str = "paper",
    store: Store = "exact",
    norm: bool = False,
) -> nn.Sequential:
    """A 3x3 convolution, a max-pool in space, one dense block of six layers, the mean, and logits.

    Table 1 exactly: 32x32 samples become a spectrum of 35x35 points, the 16x16 after the pool one
    of 19x19, where the twelve convolutions of the dense block stay; no norm. In a spectrum no
    frequency meets another, and the mean of a map is its DC coefficient: so without a margin the
    logits see no more than the means of the maps before the dense block, and with one little more.
    With `global_pool="max"` they see all of them.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size; an odd
            side is pooled up.
        growth: channels of each convolution.
        layout: `table1`, where both convolutions of a layer are 3x3, or `like`, where the first is
            1x1 as in the plain network, whose parameters it then has with norm.
        global_pool: after the dense block: `avg`, as in table 1, or `max`.
        beta: see `Blocks`, as for all that follow.
        activation: of the blocks.
        margin: of the stages.
        store: of the blocks.
        norm: of the blocks.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    check_count("growth", growth)
    check_choice("layout", layout, LAYOUTS)
    check_choice("global_pool", global_pool, tuple(POOLS))
    blocks = Blocks(beta, activation, margin, store, norm)
    first = 3 if layout == "table1" else 1
    bias = not norm  # as in the plain network
    dense = nn.Sequential(
        *(
            SpecDenseLayer(
                blocks.block((i + 1) * growth, growth, first, bias=bias),
                blocks.block(growth, growth, 3, bias=bias),
            )
            for i in range(LAYERS)
        )
    )
    layers = OrderedDict[str, nn.Module](
        stage1=blocks.stage(block=blocks.block(in_channels, growth, 3, bias=bias)),
        pool=nn.MaxPool2d(2, ceil_mode=True),
        stage2=blocks.stage(dense=dense),
        global_pool=POOLS[global_pool](1),
        flatten=nn.Flatten(),
        fc=nn.Linear((LAYERS + 1) * growth, num_classes),
    )
    return finished(layers)
