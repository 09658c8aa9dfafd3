"""The error that a lossy memory policy puts in gradients, by frequency."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

from passband.analysis.drawing import axes_or_new
from passband.analysis.named import of_name
from passband.analysis.radial import MOST_AXES, RadialEnergy, radial_energy
from passband.analysis.watching import (
    Loss,
    Maps,
    batched,
    followed,
    layers_of,
    loss_of,
    of_filters,
    on_input,
    on_output,
    same_chance,
    slides_on,
)
from passband.convert.observe import input_of
from passband.memory.attach import attach_, detach_
from passband.memory.policy import MemoryPolicy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class RadialError:
    """Of one gradient.

    Attributes:
        name: of the layer of whose weights it is; empty for the model itself.
        error: energy of the difference of both gradients by radial frequency.
        gradient: of the gradient without a policy.
    """

    name: str
    error: RadialEnergy
    gradient: RadialEnergy

    @property
    def relative(self) -> Tensor:
        """`(radii,)`: root of the error's energy over the gradient's; nan where neither has any."""
        return (self.error.energy / self.gradient.energy).sqrt()

    @property
    def total(self) -> float:
        """The norm of the difference over that of the gradient; nan where there is none."""
        return float((self.error.energy.sum() / self.gradient.energy.sum()).sqrt())

    def draw(self, axes: Axes | None = None, label: str | None = None) -> Axes:
        """The relative error by frequency.

        Args:
            axes: of matplotlib; by default those of a new figure.
            label: of the line, by default the name.

        Raises:
            ImportError: matplotlib is not installed.
        """
        axes = axes_or_new(axes)
        there = self.relative.isfinite()
        axes.plot(
            self.error.frequencies[there].tolist(), self.relative[there].tolist(), ".-",
            label=label or self.name or "the model",
        )  # fmt: skip
        if bool((self.relative[there] > 0).any()):
            axes.set_yscale("log")
        axes.set(xlabel="frequency (fraction of Nyquist)", ylabel="relative error of the gradient")
        return axes


@dataclass(frozen=True, eq=False)
class PolicyError:
    """Of all gradients of a batch.

    Attributes:
        policy: that was compared with none.
        layers: errors of the gradients with respect to each convolution's weights, with zeros to
            the size of the map that the filters slide on; in the order of the model.
        input: error of the gradient with respect to the input; None if no gradient reaches it, or
            if it is no map `(N, C, *space)`.
    """

    policy: MemoryPolicy
    layers: tuple[RadialError, ...]
    input: RadialError | None

    def __getitem__(self, name: str) -> RadialError:
        """That of a layer."""
        return of_name(self.layers, name, "error")

    def draw(self, axes: Axes | None = None) -> Axes:
        """A line for each layer, and for the input.

        Args:
            axes: of matplotlib; by default those of a new figure.

        Raises:
            ImportError: matplotlib is not installed.
        """
        axes = axes_or_new(axes)
        for layer in self.layers:
            layer.draw(axes)
        if self.input is not None:
            self.input.draw(axes, "input")
        axes.set_title(f"Error of gradients, {self.policy}")
        axes.legend()
        return axes


def policy_error(model: nn.Module, batch: object, policy: MemoryPolicy, loss: Loss) -> PolicyError:
    """What a memory policy changes in the gradients of a batch, by radial frequency.

    Two copies of the model, one without a policy and one with this, compute the gradients from the
    same random numbers, in the mode that the model is in. The model itself, its own policy too,
    stays as it is. An exact policy changes nothing but rounding.

    Args:
        model: any module with convolutions.
        batch: an input with a batch axis, or a tuple that begins with one.
        policy: what shall be held for backward.
        loss: a number, of what the model returns and of the other entries of the batch, as
            `torch.nn.functional.cross_entropy`.

    Raises:
        TypeError: model is no module, the batch no tensor, policy no `MemoryPolicy`, or the loss
            no tensor.
        ValueError: no convolution, none whose weights have a gradient, or a loss that is not one
            number.

    Examples:
        >>> import passband as pb
        >>> x = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(0))
        >>> model = nn.Sequential(pb.nn.BandConv1d(3, 4, 3, keep=0.5, padding=1), nn.Tanh())
        >>> def loss(y):
        ...     return y.square().sum()
        >>> policy_error(model, x, pb.MemoryPolicy.exact(), loss)["0"].total < 1e-5
        True
        >>> 1e-4 < policy_error(model, x, pb.MemoryPolicy.bf16(), loss)["0"].total < 1e-2
        True
    """
    layers_of("policy_error", model)
    if not isinstance(policy, MemoryPolicy):
        raise TypeError(
            f"policy_error: policy is a MemoryPolicy, as MemoryPolicy.bf16(); got {policy!r}"
        )
    input_of("policy_error", batch)
    exact = _gradients(model, batch, loss, None)
    given = _gradients(model, batch, loss, policy)
    if not exact.layers:
        raise ValueError("policy_error: no convolution has weights that the loss depends on")
    layers = tuple(
        RadialError(name, energy(given.layers[name][0] - grad), energy(grad))
        for name, (grad, energy) in exact.layers.items()
    )
    if exact.input is None or given.input is None or not 3 <= exact.input.dim() <= MOST_AXES + 2:
        return PolicyError(policy, layers, None)
    difference = given.input - exact.input
    of_input = RadialError("", radial_energy(difference), radial_energy(exact.input))
    return PolicyError(policy, layers, of_input)


_OfWeights = tuple[Tensor, Callable[[Tensor], RadialEnergy]]
"""A gradient, and what tells the energy of one like it."""


@dataclass(frozen=True)
class _Gradients:
    layers: dict[str, _OfWeights]
    input: Tensor | None


class _Passed:
    """On how many points a layer's filters slide, from the last maps that passed."""

    def __init__(self, layer: _ConvNd) -> None:
        self.layer, self.points = layer, (1,) * len(layer.kernel_size)
        self._read: list[Maps] = []

    def read(self, maps: Maps) -> None:
        self._read.append(maps)

    def returned(self, output: Maps) -> None:
        self.points = slides_on(self.layer, self._read.pop(), batched(self.layer, output))

    def energy(self, taps: Tensor) -> RadialEnergy:
        return of_filters(self.layer, taps, self.points)


def _gradients(
    model: nn.Module, batch: object, loss: Loss, policy: MemoryPolicy | None
) -> _Gradients:
    twin = copy.deepcopy(model)
    detach_(twin)
    if policy is not None:
        attach_(twin, policy)
    layers = layers_of("policy_error", twin)
    passed = {name: _Passed(layer) for name, layer in layers.items()}
    for one in passed.values():
        on_input(one.layer, one.read)
        on_output(one.layer, one.returned)
    leaf, x = followed(input_of("policy_error", batch))
    with same_chance(twin), torch.enable_grad(), parametrize.cached():
        found = loss_of("policy_error", loss, twin(x), batch)
        learners = [name for name, layer in layers.items() if layer.weight.requires_grad]
        wanted = [layers[name].weight for name in learners]
        inputs = [*wanted, leaf] if leaf.requires_grad else wanted
        grads = torch.autograd.grad(found, inputs, allow_unused=True)
    by_name: dict[str, _OfWeights] = {
        name: (grad, passed[name].energy)
        for name, grad in zip(learners, grads, strict=False)
        if grad is not None
    }
    return _Gradients(by_name, grads[-1] if leaf.requires_grad else None)
