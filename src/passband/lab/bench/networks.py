"""Whole networks as cases."""

from collections.abc import Sequence

from torch import nn

from passband.lab import models
from passband.lab.bench.case import Case

_CLASSES = 10
_KEEPS = {"step": (0.5, 0.25, 0.1), "inference": (0.25,)}
_BATCHES = {"step": (32,), "inference": (1, 32)}


def networks(command: str, model: str, batches: Sequence[int] | None = None) -> list[Case]:
    """A network of the laboratory at each batch size.

    Args:
        command: ``step`` or ``inference``.
        model: As in ``passband.lab.models.create_model``.
        batches: Samples a batch; by default 32, and for inference also 1.

    Raises:
        ValueError: There is no such network.
    """
    sample = models.sample_shape(model)  # an unknown name is found before the first measurement

    def make() -> nn.Module:
        return models.create_model(model, num_classes=_CLASSES, in_channels=sample[0])

    return [
        Case(f"{model} batch {batch}", model, make, (batch, *sample), _KEEPS[command])
        for batch in batches or _BATCHES[command]
    ]
