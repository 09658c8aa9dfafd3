"""What a network holds and knows after each epoch of its training."""

from copy import deepcopy
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

import passband as pb
from passband.lab import thresholds
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData
from passband.lab.evaluation import accuracy, batches_of_test
from passband.lab.measurement import Measurement, Probe, short
from passband.lab.studies.costs import first_batch


class EachEpoch(Probe):
    """Measures before training and after each epoch: bytes of one batch, density, accuracy.

    Args:
        run: What is trained.
        loaded: The data. The batch is always the first of the training set; accuracy and density
            are those of the test set and of its first batch.
    """

    def __init__(self, run: TrainConfig, loaded: LabeledData) -> None:
        super().__init__()
        self.run, self.loaded = run, loaded
        self.found: list[dict[str, float]] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Measures the initial weights."""
        if not self.found:
            self._measure(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Measures those of the epoch."""
        self._measure(trainer, pl_module)

    def _measure(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        precision = trainer.strategy.precision_plugin
        inputs, labels = (t.to(pl_module.device) for t in first_batch(self.run, self.loaded))
        inputs = precision.convert_input(inputs)
        model = deepcopy(pl_module.model)  # what runs in training mode moves running statistics
        assert isinstance(model, nn.Module)
        with torch.random.fork_rng(), precision.forward_context():
            held = held_bytes(model.train(), inputs, labels)
            tests = batches_of_test(self.loaded, pl_module.device)
            found = {"saved_bytes": float(held), "test_accuracy": accuracy(model.eval(), tests)}
            if self.run.spectral:
                found["density"] = short(thresholds.density(model, tests[0][0]))
        self.found.append(found)

    def measurements(self) -> list[Measurement]:
        """What was found: ``saved_bytes``, ``test_accuracy``, of spectral networks ``density``."""
        return [
            Measurement(metric, epoch, value)
            for epoch, found in enumerate(self.found)
            for metric, value in found.items()
        ]

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"found": list(self.found)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.found = list(state_dict["found"])


def held_bytes(model: nn.Module, inputs: Tensor, labels: Tensor) -> int:
    """Bytes that autograd holds after forward and loss."""
    return pb.memory.saved(lambda: nn.functional.cross_entropy(model(inputs), labels)).total
