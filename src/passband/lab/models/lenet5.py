"""LeNet-5 (LeCun et al. 1998, section II.B) as it is commonly built today."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from passband.lab.checks import check_count, check_counts

_FIELD = 32  # the side of the field in which LeNet-5 looks for a character


def lenet5(
    num_classes: int, in_channels: int, image_size: int | Sequence[int] = 28
) -> nn.Sequential:
    """Two convolutions 5x5 of 6 and 16 channels, each with ReLU and 2x2 max-pooling, then 120-84.

    LeNet-5 sees a field of 32x32: a smaller image is centred in it by the zero padding of the
    first convolution (2 for 28x28, none for 32x32), and a larger one makes the first linear layer
    larger. Today's ReLU, max-pooling and full connections replace the tanh, the trainable
    subsampling and the connection table of 1998.

    Args:
        num_classes: how many logits it returns.
        in_channels: channels of the images.
        image_size: height and width of the images `(N, in_channels, height, width)`, one number
            if they are square.
    """
    paddings, features = layout(num_classes, in_channels, image_size)
    layers = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(in_channels, 6, 5, padding=paddings),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(6, 16, 5),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
    )
    layers.update(head(num_classes, features))
    return nn.Sequential(layers)


def layout(
    num_classes: int, in_channels: int, image_size: int | Sequence[int]
) -> tuple[tuple[int, int], int]:
    """Checks the arguments of `lenet5`; the padding of its first convolution, and its features.

    Returns:
        Zeros before and after each axis, and how many values the first linear layer sees.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    space = (image_size, image_size) if isinstance(image_size, int) else image_size
    check_counts("image_size", space, 2)
    paddings = _padding(space[0]), _padding(space[1])
    features = 16
    for size, padding in zip(space, paddings, strict=True):
        pooled = (size + 2 * padding - 4) // 2  # 5x5 takes 4 samples, the pool halves
        features *= (pooled - 4) // 2
    return paddings, features


def head(num_classes: int, features: int) -> OrderedDict[str, nn.Module]:
    """The three linear layers, from maps that have so many values together."""
    return OrderedDict[str, nn.Module](
        flatten=nn.Flatten(),
        fc1=nn.Linear(features, 120),
        relu3=nn.ReLU(),
        fc2=nn.Linear(120, 84),
        relu4=nn.ReLU(),
        fc3=nn.Linear(84, num_classes),
    )


def _padding(size: int) -> int:
    """Zeros before and after an axis that fill the field; an odd axis gets one more than needed."""
    return max(0, (_FIELD - size + 1) // 2)
