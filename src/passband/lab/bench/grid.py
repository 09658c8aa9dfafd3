"""The single layers, by group.

Batches are such that one step of ``nn.Conv`` stays below a second on two cores; the longest series
take two or three, with a single sample.
"""

from functools import partial

from torch import nn

from passband.lab.bench.case import Case

_CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_KEEPS = (0.5, 0.25, 0.1)


def layer(
    name: str,
    group: str,
    shape: tuple[int, ...],
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
    bias: bool = True,
    keeps: tuple[float, ...] = _KEEPS,
) -> Case:
    """A convolution as a case; padded by half its kernel if not said otherwise."""
    inputs = shape[1]
    make = partial(
        _CONV[len(shape) - 2], inputs, outputs, kernel, stride=stride, groups=groups, bias=bias,
        padding=kernel // 2 if padding is None else padding,
    )  # fmt: skip
    return Case(name, group, make, shape, keeps, kernel, inputs)


# Input channels, output channels, samples a side, stride: each distinct 3x3 layer, batch 32.
RESNET18 = (
    (3, 64, 32, 1), (64, 64, 32, 1), (64, 128, 32, 2), (128, 128, 16, 1), (128, 256, 16, 2),
    (256, 256, 8, 1), (256, 512, 8, 2), (512, 512, 4, 1),
)  # fmt: skip

# Channels, samples a side: the 3x3 layers at 224 px, batch 128.
_RESNET50 = ((64, 56), (128, 28), (256, 14), (512, 7))

# Channels and samples a side to the batch.
_KERNELS = {(64, 16): 32, (64, 28): 32, (64, 56): 8, (128, 16): 32, (128, 28): 8, (128, 56): 4}

_SERIES = tuple((k, n, c) for c in (1, 16, 64) for k in (64, 256, 1024) for n in (512, 4096, 16384))
_AIM, _MOST = 4e9, 20e9  # products of a forward pass; beyond the most a series is left out


def resnet18() -> list[Case]:
    """The CIFAR ResNet-18's layers."""
    return [
        layer(f"{a}->{b} {n}x{n}" + (f" stride {s}" if s > 1 else ""), "resnet18", (32, a, n, n),
              b, 3, stride=s, bias=False)
        for a, b, n, s in RESNET18
    ]  # fmt: skip


def resnet50() -> list[Case]:
    """ResNet-50's 3x3 layers, of a size for a GPU."""
    return [
        layer(f"{c}ch {n}x{n} batch 128", "resnet50", (128, c, n, n), c, 3, bias=False,
              keeps=(0.5, 0.25))
        for c, n in _RESNET50
    ]  # fmt: skip


def kernels() -> list[Case]:
    """Large kernels."""
    return [
        layer(f"{k}x{k} {c}ch {n}x{n}", "kernels", (batch, c, n, n), c, k)
        for k in (5, 7)
        for (c, n), batch in _KERNELS.items()
    ]


def series() -> list[Case]:
    """1D: the FCN's layers, and long filters."""
    fcn = [
        # "Same" with an even kernel: the FCN puts one zero on the right by hand.
        layer("FCN conv1 1->128 k8", "series", (16, 1, 151), 128, 8, padding=3),
        layer("FCN conv2 128->256 k5", "series", (16, 128, 150), 256, 5),
        layer("FCN conv3 256->128 k3", "series", (16, 256, 150), 128, 3),
    ]
    long = [
        layer(f"{c}ch k{k} {n} samples", "series", (max(1, min(8, int(_AIM / work))), c, n), c, k)
        for k, n, c in _SERIES
        if (work := c * c * k * n) < _MOST
    ]
    depthwise = layer("depthwise 64ch k1024 4096 samples", "series", (2, 64, 4096), 64, 1024,
                      groups=64)  # fmt: skip
    return [*fcn, *long, depthwise]


def small() -> list[Case]:
    """Few channels, depthwise, and 3D."""
    return [
        layer("LeNet conv1", "small", (32, 1, 28, 28), 6, 5),
        layer("LeNet conv2", "small", (32, 6, 14, 14), 16, 5, padding=0),
        layer("depthwise 3x3 64ch 28x28", "small", (16, 64, 28, 28), 64, 3, groups=64),
        layer("depthwise 7x7 64ch 28x28", "small", (16, 64, 28, 28), 64, 7, groups=64),
        layer("3D 16ch 16x16x16", "small", (4, 16, 16, 16, 16), 16, 3),
    ]
