"""SpecAlexNet: AlexNet with its convolutions and their activations in the spectrum."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from passband.lab.checks import check_count
from passband.lab.models.alexnet import WIDTHS, head
from passband.lab.models.spectral.stage import Blocks, finished
from passband.packing.sparse import Store


def spec_alexnet(
    num_classes: int,
    in_channels: int,
    beta: float = 0.5,
    activation: str = "tanh",
    margin: str = "paper",
    store: Store = "exact",
    norm: bool = False,
) -> nn.Sequential:
    """Three stages of one, one and three 3x3 convolutions, each followed by max-pooling in space.

    Parameters and sizes of maps after a pool are those of `alexnet`, and so are the linear layers.
    The stride of its first convolution became a pool, and is one with the pool that follows: 4x4.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images `(N, in_channels, height, width)`, of any size for the
            paper's margin; without one, their sides have at least 17 samples.
        beta: see `Blocks`, as for all that follow.
        activation: of the blocks.
        margin: of the stages.
        store: of the blocks.
        norm: of the blocks.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    blocks = Blocks(beta, activation, margin, store, norm)
    block1, block2, block3, block4, block5 = (
        blocks.block(before, width, 3)
        for before, width in zip((in_channels, *WIDTHS), WIDTHS, strict=False)
    )
    layers = OrderedDict[str, nn.Module](
        stage1=blocks.stage(block1=block1),
        pool1=nn.MaxPool2d(4, ceil_mode=True),
        stage2=blocks.stage(block2=block2),
        pool2=nn.MaxPool2d(2, ceil_mode=True),
        stage3=blocks.stage(block3=block3, block4=block4, block5=block5),
        pool5=nn.MaxPool2d(2, ceil_mode=True),
    )
    layers.update(head(num_classes))
    return finished(layers)
