"""Looking at what reaches a model's layers, and leaving no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from passband.nn.setting import BandSetting


def input_of(name: str, batch: object) -> Tensor:
    """The input in a batch: itself, or the first entry of a tuple.

    Raises:
        TypeError: it is no tensor; the error begins with the name.
    """
    x = batch[0] if isinstance(batch, tuple | list) and batch else batch
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name}: a batch is a Tensor or a tuple that begins with one; got {batch!r:.80}"
        )
    return x


@contextmanager
def observing(
    model: nn.Module, layers: Iterable[BandSetting], see: Callable[[BandSetting, Tensor], None]
) -> Iterator[None]:
    """A scope, as `evaluating`, that shows each layer's inputs to `see`."""

    def hook(layer: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        assert isinstance(layer, BandSetting)
        see(layer, args[0] if args else kwargs["input"])

    handles = [layer.register_forward_pre_hook(hook, with_kwargs=True) for layer in layers]
    try:
        with evaluating(model):
            yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A scope in eval mode and without gradients.

    So no statistics move, and afterwards each module has the mode that it had.
    """
    training = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in training.items():
            module.training = mode
