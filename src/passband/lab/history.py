"""What a training has seen so far, epoch by epoch; it travels in the checkpoint."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from passband.lab.classifier import Classifier
from passband.lab.measurement import Measurement, short


class History(Callback):
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

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """A run that was killed after its end is not trained on."""
        trainer.should_stop = self._ended()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Takes what the epoch brought; validation comes before it."""
        assert isinstance(pl_module, Classifier)
        found, loss = trainer.callback_metrics, pl_module.epoch_loss()
        pl_module.log("train_loss", loss, prog_bar=True)  # a schedule may follow it
        self.losses.append(short(loss))
        if "validation_accuracy" in found:
            loss, right = (short(float(found[f"validation_{m}"])) for m in ("loss", "accuracy"))
            if right > max((accuracy for _, accuracy in self.validation), default=-1.0):
                model = pl_module.get_submodule("model")
                self.best = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}
            self.validation.append((loss, right))
        trainer.should_stop = trainer.should_stop or self._ended()

    def _ended(self) -> bool:
        losses = [loss for loss, _ in self.validation] or self.losses
        lowest = min(range(len(losses)), key=losses.__getitem__, default=0)
        return bool(self.early_stop) and len(losses) - 1 - lowest >= self.early_stop

    @property
    def best_epoch(self) -> int:
        """Of the best weights, from 1."""
        accuracies = [accuracy for _, accuracy in self.validation]
        return 1 + max(range(len(accuracies)), key=accuracies.__getitem__)

    def load_best(self, model: nn.Module) -> None:
        """Gives a model the best weights."""
        model.load_state_dict(self.best)

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
