"""How much of a test set a model gets right, beside the training's loop."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from passband.lab.batches import EVALUATION_BATCH
from passband.lab.data import LabeledData, gather, size
from passband.lab.measurement import short

Batch = tuple[Tensor, Tensor]
"""Maps ``(N, C, *space)`` and class indices ``(N,)``."""


def batches_of_test(
    loaded: LabeledData, device: torch.device | str = "cpu", samples: int | None = None
) -> list[Batch]:
    """The test set in batches.

    Args:
        loaded: The data.
        device: Where the batches shall be.
        samples: At most so many, from all over the test set, whose order may be by class.
    """
    count = size(loaded.test)
    taken = min(count, samples or count)
    chosen = [at * count // taken for at in range(taken)]
    parts = (
        gather(loaded.test, chosen[at : at + EVALUATION_BATCH])
        for at in range(0, taken, EVALUATION_BATCH)
    )
    return [(maps.to(device), labels.to(device)) for maps, labels in parts]


def accuracy(model: nn.Module, batches: Sequence[Batch]) -> float:
    """Share that is right, in [0, 1].

    Args:
        model: Runs without gradients, in the mode that it is in.
        batches: On the model's device.
    """
    with torch.no_grad():
        right = sum(int((model(maps).argmax(1) == labels).sum()) for maps, labels in batches)
    return short(right / sum(len(labels) for _, labels in batches))
