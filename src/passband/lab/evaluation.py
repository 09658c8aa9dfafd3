"""How much of a test set a model gets right, beside Lightning's own loop."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from passband.lab.classifier import EVALUATION_BATCH, short
from passband.lab.data import LabeledData

Batch = tuple[Tensor, ...]
"""Maps ``(N, C, *space)`` and class indices ``(N,)``."""


def batches_of_test(loaded: LabeledData, device: torch.device | str = "cpu") -> list[Batch]:
    """The test set in batches.

    Args:
        loaded: The data.
        device: Where the batches shall be.
    """
    starts = range(0, len(loaded.test), EVALUATION_BATCH)
    return [tuple(t.to(device) for t in loaded.test[at : at + EVALUATION_BATCH]) for at in starts]


def accuracy(model: nn.Module, batches: Sequence[Batch]) -> float:
    """Share that is right, in [0, 1].

    Args:
        model: Runs without gradients, in the mode that it is in.
        batches: On the model's device.
    """
    with torch.no_grad():
        right = sum(int((model(maps).argmax(1) == labels).sum()) for maps, labels in batches)
    return short(right / sum(len(labels) for _, labels in batches))
