"""SpecVGG: VGG-16 with its convolutions and their activations in the spectrum."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from passband.lab.checks import check_count
from passband.lab.models.spectral.stage import Blocks, finished
from passband.lab.models.vgg import STAGES
from passband.packing.sparse import Store


def spec_vgg16(
    num_classes: int,
    in_channels: int,
    beta: float = 0.5,
    activation: str = "tanh",
    margin: str = "paper",
    store: Store = "exact",
    norm: bool = False,
) -> nn.Sequential:
    """Thirteen 3x3 convolutions in five stages, each stage followed by 2x2 max-pooling in space.

    With norm, its parameters are those of `vgg16`, as are the sizes of its maps.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size for the
            paper's margin; without one, their sides have at least 33 samples.
        beta: see `Blocks`, as for all that follow.
        activation: of the blocks.
        margin: of the stages.
        store: of the blocks.
        norm: of the blocks.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    blocks = Blocks(beta, activation, margin, store, norm)
    layers = OrderedDict[str, nn.Module]()
    before = in_channels
    for i, (width, count) in enumerate(STAGES, 1):
        inside = OrderedDict[str, nn.Module]()
        for j in range(1, count + 1):
            inside[f"block{i}_{j}"] = blocks.block(before, width, 3)
            before = width
        layers[f"stage{i}"] = blocks.stage(**inside)
        layers[f"pool{i}"] = nn.MaxPool2d(2, ceil_mode=True)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(before, num_classes)
    return finished(layers)
