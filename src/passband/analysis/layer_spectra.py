"""The spectra of a model's convolutions: what goes in, what comes out, and what is learnt."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

from passband.analysis.drawing import axes_or_new
from passband.analysis.named import of_name
from passband.analysis.radial import RadialEnergy, added, of_spectrum, radial_energy
from passband.analysis.watching import (
    Loss,
    Maps,
    batched,
    batches_of,
    followed,
    layers_of,
    loss_of,
    of_filters,
    on_input,
    on_output,
    points_of,
    slides_on,
    undisturbed,
)
from passband.convert.observe import input_of
from passband.functional.spectral.spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = Literal["inputs", "outputs", "weights", "output_gradients", "weight_gradients"]


@dataclass(frozen=True, eq=False)
class LayerSpectra:
    """Of one convolution, for maps of one size, over all batches.

    Attributes:
        name: of the module; empty for the model itself.
        size: points of its input on each axis: samples, or those of a spectral layer's spectrum.
        inputs: of the maps that it reads, each on as many points as samples.
        outputs: of those that it returns.
        weights: of its filters, with zeros to the size of the map that they slide on.
        output_gradients: of the loss with respect to its outputs; None without a loss, or where
            no gradient comes.
        weight_gradients: with respect to its weights, energies summed over batches; None also
            where the weights are not trained.
    """

    name: str
    size: tuple[int, ...]
    inputs: RadialEnergy
    outputs: RadialEnergy
    weights: RadialEnergy
    output_gradients: RadialEnergy | None = None
    weight_gradients: RadialEnergy | None = None

    def draw(self, axes: Axes | None = None) -> Axes:
        """A line for each kind of spectrum that there is.

        Args:
            axes: of matplotlib; by default those of a new figure.

        Raises:
            ImportError: matplotlib is not installed.
        """
        axes = axes_or_new(axes)
        for kind in get_args(Kind):
            found: RadialEnergy | None = getattr(self, kind)
            if found is not None:
                found.draw(axes, kind.replace("_", " "))
        axes.set_title(f"{self.name or 'the model'}, {' x '.join(map(str, self.size))}")
        axes.legend()
        return axes


@dataclass(frozen=True, eq=False)
class ModelSpectra:
    """Of each convolution that the batches reached.

    Attributes:
        layers: in the order of the model; one for each size of maps that a layer reads.
    """

    layers: tuple[LayerSpectra, ...]

    def __getitem__(self, name: str) -> LayerSpectra:
        """That of a layer, for the first size of maps that reached it."""
        return of_name(self.layers, name, "spectra")

    def draw(self, axes: Axes | None = None, kind: Kind = "outputs") -> Axes:
        """A line for each layer.

        Args:
            axes: of matplotlib; by default those of a new figure.
            kind: of spectrum; layers without one are left out.

        Raises:
            ValueError: another word.
            ImportError: matplotlib is not installed.
        """
        if kind not in get_args(Kind):
            raise ValueError(f"draw: kind is one of {', '.join(get_args(Kind))}; got {kind!r}")
        axes = axes_or_new(axes)
        for layer in self.layers:
            found: RadialEnergy | None = getattr(layer, kind)
            if found is not None:
                found.draw(axes, layer.name or "the model")
        axes.set_title(kind.replace("_", " "))
        axes.legend()
        return axes


def layer_spectra(
    model: nn.Module, batches: Tensor | Iterable[object], loss: Loss | None = None
) -> ModelSpectra:
    """The energy by radial frequency of what each convolution reads, returns and has learnt.

    The model runs as it is, with its bands if it is band-limited, in eval mode. Afterwards modes,
    gradients, hooks and random numbers are as they were. Of a spectral network the spectra
    themselves are looked at, on their own points.

    Args:
        model: any module with convolutions.
        batches: inputs, or tuples whose first entry is the input, as a DataLoader yields them; a
            tensor alone is one batch.
        loss: a number, of what the model returns and of the other entries of the batch, as
            `torch.nn.functional.cross_entropy`; with it gradients are looked at too.

    Raises:
        TypeError: model is no module, a batch is no tensor, or a loss is none.
        ValueError: no convolution, no batch that reaches one, or a loss that is not one number.

    Examples:
        >>> model = nn.Sequential(nn.Conv1d(1, 2, 3, padding=1), nn.ReLU())
        >>> found = layer_spectra(model, torch.ones(4, 1, 16))
        >>> found["0"].inputs.share[:3].tolist(), found["0"].weights.points.sum().item()
        ([1.0, 0.0, 0.0], 16.0)
    """
    layers = layers_of("layer_spectra", model)
    seen = {name: _Seen(name, layer) for name, layer in layers.items()}
    handles = [
        handle
        for one in seen.values()
        for handle in (on_input(one.layer, one.read), on_output(one.layer, one.returned))
    ]
    with undisturbed(model, handles), ExitStack() as scope:
        scope.enter_context(torch.set_grad_enabled(loss is not None))
        # Made from their parametrisation once, filters have one gradient.
        scope.enter_context(parametrize.cached())
        for batch in batches_of(batches):
            x = input_of("layer_spectra", batch)
            if loss is None:
                model(x)
            else:
                leaf, given = followed(x)
                _differentiate(loss_of("layer_spectra", loss, model(given), batch), leaf, seen)
        found = tuple(one for layer in seen.values() for one in layer.spectra())
    if not found:
        raise ValueError("layer_spectra: no batch reached a convolution; got no data")
    return ModelSpectra(found)


@dataclass
class _Sums:
    """Energies of maps of one size."""

    slides_on: tuple[int, ...] = ()
    of: dict[Kind, RadialEnergy] = field(default_factory=dict)

    def add(self, kind: Kind, found: RadialEnergy) -> None:
        self.of[kind] = added(self.of.get(kind), found)


class _Seen:
    """What passes through a layer."""

    def __init__(self, name: str, layer: _ConvNd) -> None:
        self.name, self.layer = name, layer
        self.sizes: dict[tuple[int, ...], _Sums] = {}
        self._waiting: list[Maps] = []  # inputs whose outputs have not come

    def read(self, maps: Maps) -> None:
        self._waiting.append(maps)
        self._sums(maps).add("inputs", _energy(maps))

    def returned(self, output: Maps) -> None:
        read = self._waiting.pop()
        sums = self._sums(read)
        maps = batched(self.layer, output)
        sums.slides_on = slides_on(self.layer, read, maps)
        sums.add("outputs", _energy(maps))
        values = output.values if isinstance(output, Spectrum) else output
        if not values.requires_grad:
            return

        like = output.with_values(values.detach()) if isinstance(output, Spectrum) else None

        def back(grad: Tensor) -> None:
            if like is not None:
                sums.add("output_gradients", of_spectrum(like, grad, gradient=True))
            else:
                sums.add("output_gradients", _energy(batched(self.layer, grad)))

        # On the tensor as it is now: an activation may change it in place afterwards.
        values.register_hook(back)

    def learns(self, grad: Tensor) -> None:
        for sums in self.sizes.values():
            sums.add("weight_gradients", of_filters(self.layer, grad, sums.slides_on))

    def spectra(self) -> Iterable[LayerSpectra]:
        for size, sums in self.sizes.items():
            weights = of_filters(self.layer, self.layer.weight, sums.slides_on)
            yield LayerSpectra(self.name, size, weights=weights, **sums.of)

    def _sums(self, read: Maps) -> _Sums:
        return self.sizes.setdefault(points_of(read), _Sums())


def _energy(maps: Maps) -> RadialEnergy:
    with torch.no_grad():
        return radial_energy(maps)


def _differentiate(loss: Tensor, leaf: Tensor, seen: dict[str, _Seen]) -> None:
    """Lets gradients pass the outputs, and takes those of the weights; accumulates none."""
    learners = [one for one in seen.values() if one.layer.weight.requires_grad and one.sizes]
    wanted = [one.layer.weight for one in learners]
    # The input too, so that they pass the outputs of layers that are not trained.
    inputs = [*wanted, leaf] if leaf.requires_grad else wanted
    grads = torch.autograd.grad(loss, inputs, allow_unused=True)
    for one, grad in zip(learners, grads, strict=False):
        if grad is not None:
            one.learns(grad)
