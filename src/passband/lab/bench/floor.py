"""What a device needs at least: operations over its best rate, or bytes over its bandwidth.

Counted are the convolutions alone. The direct one multiplies every tap; ours multiplies spectra at
the kept bins, three real products for a complex one, and gets its transforms for nothing. Bytes are
those that cannot be avoided, each moved once: maps, what is held for backward, weights and their
gradients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from passband.convert.layers import convolutions
from passband.functional.plan import Plan
from passband.kernels import cpu
from passband.lab.bench.machine import Rates
from passband.lab.bench.steps import Step
from passband.nn.setting import BandSetting
from passband.transforms.fourier import count


@dataclass(frozen=True)
class Work:
    """What a convolution must do at least.

    Attributes:
        operations: Real multiplications and additions.
        bytes: Read or written.
        plan: How ours does it; None for ``nn.Conv``.
    """

    operations: float
    bytes: float
    plan: Plan | None = None


def look(module: nn.Module, step: Step, dtype: torch.dtype) -> list[Work]:
    """The work of each convolution of a module, from one forward pass as it is timed.

    Args:
        module: A layer or a network.
        step: What is done with it; if it has a forward part, backward follows.
        dtype: float32, or bfloat16 for autocast.
    """
    seen: list[Work] = []
    training = step.forward is not None

    def hook(layer: nn.Module, args: tuple[Tensor, ...], y: Tensor) -> None:
        assert isinstance(layer, _ConvNd)
        plan = layer.plan_for(args[0]) if isinstance(layer, BandSetting) else None
        seen.append(work(layer, args[0], y, plan, dtype.itemsize, training=training))

    handles = [layer.register_forward_hook(hook) for _, layer in convolutions(module)]
    try:
        (step.forward or step.run)()
    finally:
        for handle in handles:
            handle.remove()
    return seen


def work(
    layer: _ConvNd, x: Tensor, y: Tensor, plan: Plan | None, itemsize: int, *, training: bool
) -> Work:
    """The work of one convolution of ``x`` to ``y``; bytes of a map's number are ``itemsize``."""
    maps, results = itemsize * x.numel(), itemsize * y.numel()
    weights = 4 * layer.weight.numel()
    passes = 3 if training else 1  # the output, and the gradients of input and weight
    if plan is None or plan.way == "spatial":
        taps = layer.weight[0].numel()
        products = y.numel() * taps
        held = maps  # read again
    else:
        bins = count(plan.geometry.source)
        filters = layer.in_channels * layer.out_channels // layer.groups
        products = 3 * len(x) * filters * bins
        held = maps if plan.holds == "map" else 2 * plan.held_bytes  # written and read
        if not training and not _by_taps(layer, x, plan):  # spectra of filters are remembered
            weights = 8 * filters * bins
    moved = maps + results + weights
    if training:
        # Beside the forward pass's: what is held, the output's gradient, the weight again; written
        # are the gradients of input and weight.
        moved += held + results + weights + maps + weights
    return Work(2.0 * passes * products, float(moved), plan)


def _by_taps(layer: _ConvNd, x: Tensor, plan: Plan) -> bool:
    """Whether the filters' spectra are computed as they are multiplied, and nowhere kept."""
    axes, groups = plan.geometry.filter_axes, plan.geometry.groups
    return plan.way == "fused" and cpu.multiplies(axes, groups, x, layer.weight)


def floor_seconds(works: Sequence[Work], rates: Rates) -> float:
    """The sum over convolutions of what takes longer, computing or moving."""
    return sum(max(one.operations / rates.operations, one.bytes / rates.bytes) for one in works)


def ways(works: Sequence[Work]) -> str:
    """Which way ours is computed; of several layers how many which way, most first.

    Example:
        >>> ways([Work(1.0, 1.0)])
        ''
    """
    names = [one.plan.way for one in works if one.plan is not None]
    if len(works) == 1:
        return "".join(names)
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    most = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in most)
