"""How a model learns: loss, optimiser, schedule."""

from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from passband.lab.batches import Batches, loader
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData, Samples
from passband.lab.data.augmentation import AUGMENTATIONS

Batch = Sequence[Tensor]  # maps (N, C, *space) and labels (N,)

EVALUATION_BATCH = 512
HALVING_EPOCHS = 50  # after which the schedule of that name halves the rate


class Classifier(L.LightningModule):
    """Cross entropy on labelled maps.

    Args:
        model: Maps ``(N, C, *space)`` to logits ``(N, classes)``.
        run: The optimiser, the batch size and the seed.
        loaded: The data.
    """

    def __init__(self, model: nn.Module, run: TrainConfig, loaded: LabeledData) -> None:
        super().__init__()
        self.model = model
        self.run = run
        self.loaded = loaded
        self.augment = AUGMENTATIONS[run.augment]
        self._losses: list[Tensor] = []  # Lightning's averages cost a small network much of a step
        self._sums = torch.zeros(3, dtype=torch.float64)

    def __setattr__(self, name: str, value: Any) -> None:
        """As always, but Lightning's notes of which hook it is in, which are dozens in a step."""
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def on_train_epoch_start(self) -> None:
        """Makes all that is random in an epoch a function of seed and epoch.

        A resumed run then meets what the uninterrupted one would have met.
        """
        torch.manual_seed(self.run.seed * 1_000_003 + self.current_epoch + 7919 * self.global_rank)
        self._losses = []

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The mean loss of a batch."""
        inputs, labels = batch
        loss = nn.functional.cross_entropy(self.model(self.augment(inputs)), labels)
        count = loss.new_tensor(len(labels))
        self._losses.append(torch.stack((count * loss.detach(), count)))
        return loss

    def epoch_loss(self) -> float:
        """The mean over the samples of the epoch, of all processes."""
        total, count = self._of_all(torch.stack(self._losses).sum(0, dtype=torch.float64)).tolist()
        return float(total / count)

    def on_validation_epoch_start(self) -> None:
        """Begins to count."""
        self._sums = torch.zeros(3, dtype=torch.float64)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Counts what is right."""
        self._count(batch, index, self.trainer.val_dataloaders)

    def on_validation_epoch_end(self) -> None:
        """Says what was right."""
        loss, right, count = self._of_all(self._sums).tolist()
        self.log_dict({"validation_loss": loss / count, "validation_accuracy": right / count})

    def on_test_epoch_start(self) -> None:
        """Begins to count."""
        self._sums = torch.zeros(3, dtype=torch.float64)

    def test_step(self, batch: Batch, index: int) -> None:
        """Counts what is right."""
        self._count(batch, index, self.trainer.test_dataloaders)

    def on_test_epoch_end(self) -> None:
        """Says what share was right."""
        _, right, count = self._of_all(self._sums).tolist()
        self.log("test_accuracy", right / count)

    def _count(self, batch: Batch, index: int, of: Any) -> None:
        """Adds up loss, right answers and samples, of those that are no repetitions."""
        inputs, labels = batch
        batches = of.sampler if isinstance(of.sampler, Batches) else of.batch_sampler
        count = min(len(labels), max(0, batches.genuine - index * EVALUATION_BATCH))
        logits, labels = self.model(inputs)[:count].float(), labels[:count]
        loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
        self._sums += torch.tensor([float(loss), int((logits.argmax(1) == labels).sum()), count])

    def _of_all(self, sums: Tensor) -> Tensor:
        """Added up over all processes."""
        found = self.trainer.strategy.reduce(sums.to(self.device), reduce_op="sum")
        assert isinstance(found, Tensor)
        return found

    def configure_optimizers(self) -> Any:
        """The run's optimiser and schedule."""
        optimizer, run = make_optimizer(self.model, self.run), self.run
        schedules = torch.optim.lr_scheduler
        if run.schedule == "constant":
            return optimizer
        if run.schedule == "plateau":
            falls = schedules.ReduceLROnPlateau(optimizer, patience=run.patience, factor=run.factor)
            plateau = {"scheduler": falls, "monitor": "train_loss"}
            return {"optimizer": optimizer, "lr_scheduler": plateau}
        if run.schedule == "halving":
            halves = schedules.StepLR(optimizer, HALVING_EPOCHS, gamma=0.5)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": halves}}  # each epoch
        steps = int(self.trainer.estimated_stepping_batches)
        cosine = schedules.CosineAnnealingLR(optimizer, T_max=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cosine, "interval": "step"}}

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches."""
        return self._loader(self.loaded.train, self.run.batch_size, seed=self.run.seed)

    def val_dataloader(self) -> DataLoader[Any]:
        """Batches of the validation part, which there is."""
        assert self.loaded.validation is not None
        return self._loader(self.loaded.validation, EVALUATION_BATCH, seed=None)

    def test_dataloader(self) -> DataLoader[Any]:
        """Batches of the test set."""
        return self._loader(self.loaded.test, EVALUATION_BATCH, seed=None)

    def _loader(self, samples: Samples, batch: int, seed: int | None) -> DataLoader[Any]:
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return loader(samples, Batches(samples, batch, rank=rank, world=world, seed=seed))


def make_optimizer(model: nn.Module, run: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser of a run over a model's parameters."""
    parameters, rate, decay = model.parameters(), run.learning_rate, run.weight_decay
    if run.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=run.momentum, weight_decay=decay)
    if run.optimizer == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=decay)
    return torch.optim.Adam(parameters, rate, weight_decay=decay)
