"""Floating-point operations of a forward pass, counted from shapes.

A multiply-add is two operations, a complex one eight. Counted are convolutions and linear layers;
what norms, activations, pools and biases do is little beside. Of a band-limited convolution it is
what its plan computes: transforms, product of spectra, spectra of filters. A kernel that saves some
of these operations, as ours does with three products for a complex one, is not credited.
"""

import math

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from passband.functional.cost import transform_work
from passband.functional.plan import Plan
from passband.transforms.fourier import Axis, Transform, count

_FLOAT = 4  # bytes, which a count of products does not depend on


def linear_flops(layer: nn.Linear, x: Tensor) -> int:
    """Of a linear layer."""
    return 2 * layer.weight.numel() * (x.numel() // layer.in_features)


def direct_flops(layer: _ConvNd, x: Tensor, y: Tensor) -> int:
    """Of an ordinary convolution: 2 N Cin Cout / groups x taps x outputs.

    A transposed one spreads each input by its taps: inputs take the place of outputs.

    Args:
        layer: Of any number of axes.
        x: Its input, batched or not.
        y: Its output.
    """
    at = x if isinstance(layer, _ConvTransposeNd) else y
    axes = len(layer.kernel_size)
    batch = at.shape[0] if at.dim() > axes + 1 else 1
    return 2 * batch * layer.weight.numel() * math.prod(at.shape[-axes:])


def band_flops(layer: _ConvNd, batch: int, plan: Plan) -> int:
    """Of a band-limited convolution, as its plan computes it.

    Args:
        layer: The convolution.
        batch: N.
        plan: For its input.
    """
    geometry, maps = plan.geometry, plan.transform
    inputs, outputs = layer.in_channels, layer.out_channels
    filters = inputs * outputs // geometry.groups
    if plan.way == "spatial":
        spread = plan.direct and geometry.transposed  # by PyTorch's transposed convolution
        positions = geometry.source if spread else geometry.target_axes
        points = math.prod(axis.grid.count for axis in positions)
        convolution = 2 * batch * layer.weight.numel() * points
        if plan.direct:
            return convolution
        there = transform_flops(geometry.source, maps, batch * inputs)
        back = transform_flops(geometry.reach_axes, maps, batch * inputs)
        return there + back + convolution
    there = transform_flops(geometry.source, maps, batch * inputs)
    back = transform_flops(geometry.target_axes, maps, batch * outputs)
    spectra = transform_flops(geometry.filter_axes, plan.filter_transform, filters)
    return there + back + spectra + 8 * count(geometry.source) * batch * filters


def transform_flops(axes: tuple[Axis, ...], way: Transform, maps: int) -> int:
    """Of the truncated transform of so many maps, in either direction.

    Args:
        axes: Ring, band and samples of each space axis.
        way: ``dft`` by its matrix products; ``fused`` the same, of sums and differences of mirrored
            samples, which are half as many; ``fft`` by 5 n log2 n for a complex transform of n
            points and half of that for a real one, axis by axis, of the lines that are kept.
        maps: N times channels.

    Example:
        >>> from passband.transforms.fourier import Grid
        >>> transform_flops((Axis(8, 3, Grid(0, 1, 8)),), "fft", maps=2)  # 2 x 2.5 x 8 x 3
        120
    """
    if way == "dft":
        return 2 * transform_work(axes, "dft", maps, _FLOAT)["product"]
    return 2 * maps * _halved_products(axes) if way == "fused" else maps * _fft(axes)


def _halved_products(axes: tuple[Axis, ...]) -> int:
    products, kept = 0, 1
    for i, axis in reversed([*enumerate(axes)]):
        before = math.prod(a.grid.count for a in axes[:i])
        parts = axis.modes + axis.pairs  # cosines and sines
        products += before * kept * parts * (axis.grid.count // 2 + 1)
        kept *= parts
    return products


def _fft(axes: tuple[Axis, ...]) -> int:
    operations, kept = 0.0, 1
    for i, axis in reversed([*enumerate(axes)]):
        last = i == len(axes) - 1
        points = axis.folded or axis.length
        lines = math.prod(a.grid.count for a in axes[:i]) * kept
        operations += lines * (2.5 if last else 5) * points * math.log2(points)
        kept *= axis.modes if last else axis.modes + axis.pairs
    return round(operations)
