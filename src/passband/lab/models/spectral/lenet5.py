"""SpecLeNet: LeNet-5 with its convolutions and their activations in the spectrum."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from passband.lab.models.lenet5 import head, layout
from passband.lab.models.spectral.stage import Blocks, finished
from passband.packing.sparse import Store

_CUT = 2  # samples that a 5x5 convolution without padding takes from each end


def spec_lenet5(
    num_classes: int,
    in_channels: int,
    image_size: int | Sequence[int] = 28,
    beta: float = 0.5,
    activation: str = "tanh",
    margin: str = "paper",
    store: Store = "exact",
    norm: bool = False,
) -> nn.Sequential:
    """Two stages of one 5x5 convolution each, and 2x2 max-pooling in space between them.

    Parameters and sizes of maps are those of `lenet5`: where that has no padding, the ends of the
    maps are cut off when they are back in space.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images.
        image_size: height and width of the images `(N, in_channels, height, width)`, one number
            if they are square.
        beta: see `Blocks`, as for all that follow.
        activation: of the blocks.
        margin: of the stages.
        store: of the blocks.
        norm: of the blocks.
    """
    paddings, features = layout(num_classes, in_channels, image_size)
    blocks = Blocks(beta, activation, margin, store, norm)
    # A block pads by 2. Beyond that there are zeros before it, and what is missing is cut off.
    rows, columns = (padding - _CUT for padding in paddings)
    layers = OrderedDict[str, nn.Module](
        pad1=_ends(max(0, rows), max(0, columns)),
        stage1=blocks.stage(block1=blocks.block(in_channels, 6, 5)),
        cut1=_ends(min(0, rows), min(0, columns)),
        pool1=nn.MaxPool2d(2),
        stage2=blocks.stage(block2=blocks.block(6, 16, 5)),
        cut2=_ends(-_CUT, -_CUT),
        pool2=nn.MaxPool2d(2),
    )
    layers.update(head(num_classes, features))
    return finished(layers)


def _ends(rows: int, columns: int) -> nn.Module:
    """Zeros before and after each axis; fewer than none cut samples off."""
    if rows == columns == 0:
        return nn.Identity()  # of no zeros at all PyTorch makes a copy
    return nn.ZeroPad2d((columns, columns, rows, rows))
