"""LeNet-5 (LeCun et al. 1998, section II.B) as it is commonly built today."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from passband.lab.checks import check_count, check_counts
from passband.lab.models.padding import padding_mode_of
from passband.lab.models.width import scaled

CHANNELS, HIDDEN = (6, 16), (120, 84)  # of the convolutions; between the linear layers
_FIELD = 32  # the side of the field in which LeNet-5 looks for a character
_ROUND_ONCE = 11  # the smallest side that is at least as long as its padding


def lenet5(
    num_classes: int,
    in_channels: int,
    image_size: int | Sequence[int] = 28,
    width: float = 1,
    padding_mode: str = "zeros",
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
        width: times the channels, 6 and 16, and the values between linear layers, 120 and 84.
        padding_mode: of the first convolution, the only one with padding: `zeros`, or `circular`,
            for images of at least 11 samples a side.

    Raises:
        ValueError: a number is out of range, or circular padding would go around more than once.
    """
    mode = padding_mode_of(padding_mode)
    first, second, *hidden = scaled(width, *CHANNELS, *HIDDEN)
    paddings, features = layout(num_classes, in_channels, image_size, second)
    smallest = image_size if isinstance(image_size, int) else min(image_size)
    if mode == "circular" and smallest < _ROUND_ONCE:
        raise ValueError(
            f"padding_mode 'circular' goes around an image once, so image_size is at least "
            f"{_ROUND_ONCE}; got {image_size!r}"
        )
    layers = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(in_channels, first, 5, padding=paddings, padding_mode=mode),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(first, second, 5),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
    )
    layers.update(head(num_classes, features, hidden))
    return nn.Sequential(layers)


def layout(
    num_classes: int,
    in_channels: int,
    image_size: int | Sequence[int],
    channels: int = CHANNELS[-1],
) -> tuple[tuple[int, int], int]:
    """Checks the arguments of `lenet5`; the padding of its first convolution, and its features.

    Returns:
        Zeros before and after each axis, and how many values the first linear layer sees if the
        last convolution has so many channels.
    """
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    space = (image_size, image_size) if isinstance(image_size, int) else image_size
    check_counts("image_size", space, 2)
    paddings = _padding(space[0]), _padding(space[1])
    features = channels
    for size, padding in zip(space, paddings, strict=True):
        pooled = (size + 2 * padding - 4) // 2  # 5x5 takes 4 samples, the pool halves
        features *= (pooled - 4) // 2
    return paddings, features


def head(
    num_classes: int, features: int, hidden: Sequence[int] = HIDDEN
) -> OrderedDict[str, nn.Module]:
    """The three linear layers, from maps that have so many values together."""
    more, fewer = hidden
    return OrderedDict[str, nn.Module](
        flatten=nn.Flatten(),
        fc1=nn.Linear(features, more),
        relu3=nn.ReLU(),
        fc2=nn.Linear(more, fewer),
        relu4=nn.ReLU(),
        fc3=nn.Linear(fewer, num_classes),
    )


def _padding(size: int) -> int:
    """Zeros before and after an axis that fill the field; an odd axis gets one more than needed."""
    return max(0, (_FIELD - size + 1) // 2)
