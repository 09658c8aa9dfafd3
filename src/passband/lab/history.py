"""What a training has seen so far, epoch by epoch; it travels in the checkpoint."""

import math
from typing import Any

from torch import Tensor, nn

from passband.lab.measurement import Measurement, short


class History:
    """Losses, accuracies on the validation part, and the weights that did best there.

    Args:
        early_stop: After so many epochs without a lower loss, of the validation part if there is
            one, training ends; 0 never ends it.

    Attributes:
        losses: Mean training loss of each epoch.
        validation: Loss and accuracy on the validation part after each epoch, if there is one.
        best: The weights after the epoch with the highest accuracy there, the first of several.
    """

    def __init__(self, early_stop: int = 0) -> None:
        self.early_stop = early_stop
        self.losses: list[float] = []
        self.validation: list[tuple[float, float]] = []
        self.best: dict[str, Tensor] = {}

    def add(self, model: nn.Module, loss: float, validated: tuple[float, float] | None) -> None:
        """Takes what an epoch brought.

        Args:
            model: After it.
            loss: Mean training loss.
            validated: Loss and accuracy on the validation part, if there is one.
        """
        self.losses.append(short(loss))
        if validated is not None:
            loss, right = map(short, validated)
            if right > max((accuracy for _, accuracy in self.validation), default=-1.0):
                self.best = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}
            self.validation.append((loss, right))

    @property
    def ended(self) -> bool:
        """Whether early stopping ends the training."""
        losses = [loss for loss, _ in self.validation] or self.losses
        losses = [loss if math.isfinite(loss) else math.inf for loss in losses]
        lowest = min(range(len(losses)), key=losses.__getitem__, default=0)
        return bool(self.early_stop) and len(losses) - 1 - lowest >= self.early_stop

    @property
    def best_epoch(self) -> int:
        """Of the best weights, from 1."""
        accuracies = [accuracy for _, accuracy in self.validation]
        return 1 + max(range(len(accuracies)), key=accuracies.__getitem__)

    def measurements(self) -> list[Measurement]:
        """Losses and accuracies of each epoch."""
        losses = [Measurement("train_loss", n, loss) for n, loss in enumerate(self.losses, 1)]
        return losses + [
            Measurement(f"validation_{metric}", epoch, value)
            for epoch, both in enumerate(self.validation, 1)
            for metric, value in zip(("loss", "accuracy"), both, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"losses": list(self.losses), "validation": self.validation, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.losses = list(state_dict["losses"])
        self.validation = [(loss, accuracy) for loss, accuracy in state_dict["validation"]]
        self.best = dict(state_dict["best"])
