"""Looking at a model while it runs, and leaving no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.utils.hooks import RemovableHandle

from passband.analysis.radial import RadialEnergy, on_rings
from passband.convert.layers import check_model, convolutions
from passband.functional.spectral.spectrum import Spectrum
from passband.transforms.fourier import Grid

Maps = Tensor | Spectrum
Loss = Callable[..., Tensor]
"""A number, of what the model returns and of the other entries of the batch, if it has some."""


def layers_of(name: str, model: nn.Module) -> dict[str, _ConvNd]:
    """Every convolution of maps or spectra, by name.

    Raises:
        TypeError: model is no module.
        ValueError: it has no convolution.
    """
    check_model(name, model)
    found = {where: m for where, m in convolutions(model) if isinstance(m, _ConvNd)}
    if not found:
        raise ValueError(f"{name}: {type(model).__name__} has no convolution")
    return found


@contextmanager
def undisturbed(model: nn.Module, handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """A scope in eval mode, after which modes and random numbers are as before, and hooks gone.

    So no statistics move.
    """
    training = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with same_chance(model):
            yield
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in training.items():
            module.training = mode


def same_chance(model: nn.Module) -> AbstractContextManager[None]:
    """A scope after which random numbers, also of the model's devices, go on as before it."""
    cuda = {p.device for p in model.parameters() if p.device.type == "cuda"}
    return torch.random.fork_rng(list(cuda))


def on_input(layer: nn.Module, see: Callable[[Maps], None]) -> RemovableHandle:
    """Shows each input of a layer, batched; unhook it afterwards."""

    def hook(layer: nn.Module, args: tuple[Maps, ...], kwargs: dict[str, Maps]) -> None:
        given = args[0] if args else next(iter(kwargs.values()))
        see(batched(layer, given))

    return layer.register_forward_pre_hook(hook, with_kwargs=True)


def on_output(layer: nn.Module, see: Callable[[Maps], None]) -> RemovableHandle:
    """Shows each output of a layer as the layer returns it; unhook it afterwards."""

    def hook(layer: nn.Module, args: object, output: Maps) -> None:
        see(output)

    return layer.register_forward_hook(hook)


def batched(layer: nn.Module, maps: Maps) -> Maps:
    """The maps of a layer, with a batch axis."""
    assert isinstance(layer, _ConvNd)
    if isinstance(maps, Spectrum) or maps.dim() > len(layer.kernel_size) + 1:
        return maps
    return maps.unsqueeze(0)


def points_of(maps: Maps) -> tuple[int, ...]:
    """How many points a transform of such maps has on each axis."""
    return maps.lengths if isinstance(maps, Spectrum) else tuple(maps.shape[2:])


def of_filters(layer: _ConvNd, taps: Tensor, points: tuple[int, ...]) -> RadialEnergy:
    """The energy of filters, or their gradients, with zeros to the size of the map they slide on.

    Args:
        layer: whose they are.
        taps: `(channels, channels, *kernel)`.
        points: of the map; a filter that reaches further has as many as its reach.
    """
    reach = [d * (k - 1) + 1 for k, d in zip(layer.kernel_size, layer.dilation, strict=True)]
    lengths = tuple(max(both) for both in zip(points, reach, strict=True))
    spread = zip(layer.dilation, layer.kernel_size, strict=True)
    return on_rings(_fewer(taps), [Grid(0, d, k) for d, k in spread], lengths)


def _fewer(taps: Tensor) -> Tensor:
    """As many filters as taps whose energies are, frequency by frequency, those of all of them.

    A layer has far more filters than a filter has taps. The sum of their power spectra depends on
    the products of taps alone, summed over filters, and a root of that matrix has the same.
    """
    filters = taps.detach().cpu().double().flatten(2).flatten(0, 1)
    count, size = filters.shape
    if count <= size or not filters.isfinite().all():
        return taps
    values, vectors = torch.linalg.eigh(filters.T @ filters)
    root: Tensor = vectors * values.clamp(min=0).sqrt()
    return root.T.reshape(1, size, *taps.shape[2:])


def slides_on(layer: _ConvNd, given: Maps, returned: Maps) -> tuple[int, ...]:
    """The points of the map that a layer's taps lie on: its input, or a transposed one's output."""
    return points_of(returned if isinstance(layer, _ConvTransposeNd) else given)


def loss_of(name: str, loss: Loss, output: object, batch: object) -> Tensor:
    """The loss of a batch.

    Raises:
        TypeError: it is no tensor.
        ValueError: it is not one number that depends on what is differentiated.
    """
    others = batch[1:] if isinstance(batch, tuple | list) else ()
    found = loss(output, *others)
    if not isinstance(found, Tensor):
        raise TypeError(f"{name}: the loss is a tensor; got {type(found).__name__} {found!r:.80}")
    if found.numel() != 1 or not found.requires_grad:
        raise ValueError(
            f"{name}: the loss is one number with a gradient; got shape {tuple(found.shape)}, "
            f"requires_grad={found.requires_grad}"
        )
    return found


def batches_of(batches: Tensor | Iterable[object]) -> Iterable[object]:
    """Batches one after another; a tensor alone is one."""
    return [batches] if isinstance(batches, Tensor) else batches


def followed(x: Tensor) -> tuple[Tensor, Tensor]:
    """An input whose gradient can be asked for, and what the model may change in place."""
    leaf = x.detach().requires_grad_(x.is_floating_point())
    return leaf, leaf.clone()
