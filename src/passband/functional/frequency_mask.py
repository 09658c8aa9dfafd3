"""Maps without the frequencies that a mask of a simple shape takes away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce
from numbers import Integral
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from passband.functional.arguments import check_choice, check_number
from passband.functional.replaced import InputGradient, replaced
from passband.transforms.orthogonal import orthogonal, space_axes, table

MaskShape = Literal["disk", "square"]
MaskEdge = Literal["hard", "linear", "exponential"]


def frequency_mask(
    space: Sequence[int],
    keep: float,
    shape: MaskShape = "disk",
    *,
    high: bool = False,
    edge: MaskEdge = "hard",
    width: float | None = None,
    half: bool = False,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    r"""By what the bins of a spectrum are multiplied to keep the low, or the high, frequencies.

    The bin k has a distance from the mean, in units of the Nyquist frequency of each axis,

    .. math:: d = \max_i \frac{2 |k_i|}{n_i} \text{ (square)}, \qquad
        d = \sqrt{\sum_i \Big(\frac{2 |k_i|}{n_i}\Big)^2} \text{ (disk)}

    A low pass has the factor 1 where :math:`d \le r`, and r is the largest radius for which these
    bins are no more than the share `keep` of all bins of the full spectrum; the mean alone stays in
    any case. A high pass has it where :math:`d \ge r`, with the smallest such r; the bins that are
    farthest out stay in any case. All other bins have the factor 0 with a hard edge, and with a
    soft one, s being the distance from r,

    .. math:: \max(0, 1 - s / \mathrm{width}) \text{ (linear)}, \qquad
        e^{-s / \mathrm{width}} \text{ (exponential)}

    So a mask treats k and -k alike (Nyquist bins are their own mirror), and masked maps are real.

    Args:
        space: samples of each axis.
        keep: share of the bins that pass unchanged, in (0, 1]; 1 is all of them.
        shape: `"disk"` (a ball in 3D) or `"square"` (a box; on one axis both are the same).
        high: keep the high frequencies instead of the low ones.
        edge: `"hard"`, `"linear"` or `"exponential"`.
        width: of a soft edge, in units of the Nyquist frequency; above 0.
        half: for the half spectrum that `torch.fft.rfftn` yields, not the full one of `fftn`.
        dtype: of the mask, by default PyTorch's default.
        device: of the mask.

    Returns:
        `(*space)`, or with `half` n // 2 + 1 bins on the last axis, in the order of `torch.fft`
        (the mean first); `torch.fft.fftshift` centres a full one.

    Raises:
        TypeError: a size that is no whole number, or `keep`, `width` or `high` of a wrong type.
        ValueError: no axes or an axis without samples, a number out of its range, an unknown shape
            or edge, or a width without a soft edge or the other way round.

    Source:
        The masks of the code of Dziedzic et al., "Band-limited Training and Inference for
        Convolutional Neural Networks", ICML 2019 (`fft_band_2D.py`, `complex_mask.py`), here
        symmetric in ±k.

    Examples:
        >>> frequency_mask((6,), keep=0.5)
        tensor([1., 1., 0., 0., 0., 1.])
        >>> frequency_mask((6,), keep=0.5, edge="linear", width=2 / 3, half=True)
        tensor([1.0000, 1.0000, 0.5000, 0.0000])
    """
    mask = check_mask("frequency_mask", keep, shape, high, edge, width)
    sizes = tuple(space)
    if any(isinstance(n, bool) or not isinstance(n, Integral) for n in sizes):
        raise TypeError(f"frequency_mask: space is made of whole numbers; got {space!r}")
    if not sizes or min(sizes) < 1:
        raise ValueError(f"frequency_mask: every space axis has samples; got {space!r}")
    if not isinstance(half, bool):
        raise TypeError(f"frequency_mask: half is True or False; got {half!r}")
    factors = _factors((tuple(int(n) for n in sizes), mask))
    factors = factors[..., : sizes[-1] // 2 + 1] if half else factors
    return factors.to(device, dtype or torch.get_default_dtype())


def mask_frequencies(
    x: Tensor,
    keep: float,
    shape: MaskShape = "disk",
    *,
    high: bool = False,
    edge: MaskEdge = "hard",
    width: float | None = None,
    dims: int | None = None,
    gradient: InputGradient = "true",
) -> Tensor:
    """Maps with their spectrum multiplied by a `frequency_mask`.

    The mask is its own adjoint, so the true gradient is the masked gradient; autograd holds nothing
    for it. With a hard edge, masking twice is masking once.

    Args:
        x: `(N, C, *space)`, real floating point; float16 and bfloat16 are computed in float32.
        keep: share of the bins that pass unchanged; with 1 values stay as they are, bit by bit.
        shape: as in `frequency_mask`, and so are `high`, `edge` and `width`.
        high: keep the high frequencies instead of the low ones.
        edge: `"hard"`, `"linear"` or `"exponential"`.
        width: of a soft edge.
        dims: how many of the last axes are space; by default all behind batch and channels.
        gradient: `"true"`, or `"identity"` to pass gradients as if nothing was masked (BPDA).

    Returns:
        Shape and dtype of `x`.

    Raises:
        TypeError: no real floating-point tensor, or an argument of a wrong type.
        ValueError: an argument out of its range.
        RuntimeError: the map has fewer axes, or one of them has no samples.

    Source:
        As `frequency_mask`, whose layers had the identity's gradient. BPDA: Athalye et al.,
        "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.1.

    Examples:
        >>> x = torch.tensor([[[3.0, 1.0, 3.0, 1.0]]])  # a mean of 2 and the Nyquist frequency
        >>> mask_frequencies(x, keep=0.75)
        tensor([[[2., 2., 2., 2.]]])
        >>> mask_frequencies(x, keep=0.25, high=True)
        tensor([[[ 1., -1.,  1., -1.]]])
    """
    mask = check_mask("mask_frequencies", keep, shape, high, edge, width)
    check_choice("mask_frequencies", "gradient", gradient, get_args(InputGradient))
    dims = space_axes("mask_frequencies", x, dims)
    if mask.keep == 1:
        return x.clone()
    step = partial(_masked, mask=mask, dims=dims)
    if gradient == "identity":
        return replaced(x, partial(orthogonal, there=step, back=step), 1)
    return orthogonal(x, step, step)  # no inverse of itself, but its adjoint: backward needs that


class Mask(NamedTuple):
    """The arguments of a mask."""

    keep: float
    shape: MaskShape
    high: bool
    edge: MaskEdge
    width: float | None


def check_mask(
    name: str, keep: object, shape: MaskShape, high: object, edge: MaskEdge, width: object
) -> Mask:
    """The arguments of a mask, if they are some.

    Raises:
        TypeError: one of a wrong type.
        ValueError: one out of its range, or that has no meaning with the others.
    """
    share = check_number(name, "keep", keep)
    if not 0 < share <= 1:
        raise ValueError(f"{name}: keep lies in (0, 1]; got {keep!r}")
    check_choice(name, "shape", shape, get_args(MaskShape))
    check_choice(name, "edge", edge, get_args(MaskEdge))
    if not isinstance(high, bool):
        raise TypeError(f"{name}: high is True or False; got {high!r}")
    if edge == "hard":
        if width is not None:
            raise ValueError(f"{name}: a hard edge has no width; got width={width!r}")
        return Mask(share, shape, high, edge, None)
    if width is None:
        raise ValueError(f"{name}: an edge that is {edge} has a width; got None")
    wide = check_number(name, "width", width)
    if wide <= 0:
        raise ValueError(f"{name}: width is above 0; got {width!r}")
    return Mask(share, shape, high, edge, wide)


def _masked(x: Tensor, mask: Mask, dims: int) -> Tensor:
    axes, space = tuple(range(-dims, 0)), tuple(x.shape[-dims:])
    spectrum = torch.fft.rfftn(x, dim=axes) * table(_half_factors, (space, mask), x)
    masked: Tensor = torch.fft.irfftn(spectrum, s=space, dim=axes)
    return masked


def _half_factors(key: tuple[tuple[int, ...], Mask]) -> Tensor:
    return _factors(key)[..., : key[0][-1] // 2 + 1].contiguous()


def _factors(key: tuple[tuple[int, ...], Mask]) -> Tensor:
    """A mask of the full spectrum, in float64 on the CPU."""
    space, mask = key
    # From here on a high pass is a low pass: the order of the bins is turned round.
    distances = _distances(space, mask.shape) * (-1 if mask.high else 1)
    ordered = distances.flatten().sort().values
    budget = math.floor(mask.keep * math.prod(space) + 1e-9)  # whatever the rounding of a share
    # The nearest bin beyond the budget, and all as far away as it, are outside.
    within = distances < (ordered[budget] if budget < math.prod(space) else math.inf)
    within = within | (distances == ordered[0])
    if mask.edge == "hard":
        return within.double()
    radius = torch.where(within, distances, -math.inf).amax()
    assert mask.width is not None
    beyond = (distances - radius).clamp(min=0) / mask.width
    return (1 - beyond).clamp(min=0) if mask.edge == "linear" else torch.exp(-beyond)


def _distances(space: Sequence[int], shape: MaskShape) -> Tensor:
    """Of each bin, equal for those that are equally far: rounding does not tell them apart."""
    along = []
    for axis, n in enumerate(space):
        k = torch.arange(n, device="cpu")
        distance = torch.minimum(k, n - k).double() * 2 / n
        along.append(distance.view(-1, *(1,) * (len(space) - 1 - axis)))
    if shape == "square":
        return reduce(torch.maximum, along).round(decimals=12)
    return reduce(torch.add, [d.square() for d in along]).round(decimals=12).sqrt()
