"""What is looked at before training and after each epoch."""

from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData
from passband.lab.loop import Loop
from passband.lab.measurement import Measurement, Probe

Prepare = Callable[[Tensor], Tensor]
"""Takes maps to where the model is, in the type of number that it takes."""


class EpochProbe(Probe):
    """Looks at a copy of the model, first at its initial weights: epoch 0.

    Args:
        run: What is trained.
        loaded: The data.

    Attributes:
        found: What each look found, by metric; the first is of epoch 0.
    """

    def __init__(self, run: TrainConfig, loaded: LabeledData) -> None:
        self.run, self.loaded = run, loaded
        self.found: list[dict[str, float]] = []

    @abstractmethod
    def look(self, model: nn.Module, prepare: Prepare) -> dict[str, float]:
        """What is to be found of a model, by metric.

        Args:
            model: A copy, which may be changed; in the mode of training.
            prepare: For maps, before they are given to the model.
        """

    def on_start(self, loop: Loop) -> None:
        """Looks at the initial weights."""
        if not self.found:
            self._look(loop)

    def on_epoch_end(self, loop: Loop) -> None:
        """Looks at those of the epoch."""
        self._look(loop)

    def _look(self, loop: Loop) -> None:
        with torch.random.fork_rng(), loop.autocast():
            self.found.append(self.look(deepcopy(loop.model).train(), loop.prepare))

    def measurements(self) -> list[Measurement]:
        """What was found, epoch by epoch."""
        return [
            Measurement(metric, epoch, value, found.get("keep_measured"))
            for epoch, found in enumerate(self.found)
            for metric, value in found.items()
        ]

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"found": list(self.found)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.found = list(state_dict["found"])
