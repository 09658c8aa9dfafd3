"""How a model learns: loss, optimiser, order of the samples."""

from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import DataLoader, DistributedSampler

from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData, Samples

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

    def on_train_epoch_start(self) -> None:
        """Makes all that is random in an epoch a function of seed and epoch.

        A resumed run then meets what the uninterrupted one would have met.
        """
        torch.manual_seed(self.run.seed * 1_000_003 + self.current_epoch)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The mean loss of a batch."""
        inputs, labels = batch
        loss = nn.functional.cross_entropy(self.model(inputs), labels)
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True,
                 batch_size=len(labels))  # fmt: skip
        return loss

    def test_step(self, batch: Batch, index: int) -> None:
        """Counts what is right."""
        inputs, labels = batch
        right = (self.model(inputs).argmax(dim=1) == labels).float().mean()
        self.log("test_accuracy", right, sync_dist=True, batch_size=len(labels))

    def configure_optimizers(self) -> Any:
        """The run's optimiser and schedule."""
        optimizer = make_optimizer(self.model, self.run)
        if self.run.schedule == "constant":
            return optimizer
        if self.run.schedule == "halving":
            halves = torch.optim.lr_scheduler.StepLR(optimizer, HALVING_EPOCHS, gamma=0.5)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": halves}}  # each epoch
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches.

        A last batch of a single sample is left out, unless it is the only one: batch norm has no
        variance to divide by where the sample's map is a single value. The shuffling leaves out
        another sample in each epoch.
        """
        return self._loader(self.loaded.train, self.run.batch_size, train=True)

    def test_dataloader(self) -> DataLoader[Any]:
        """Batches of the test set."""
        return self._loader(self.loaded.test, EVALUATION_BATCH, train=False)

    def _loader(self, samples: Samples, batch: int, *, train: bool) -> DataLoader[Any]:
        # Also for a single process: unlike a RandomSampler's, its order depends on nothing but
        # the seed and the epoch, which Lightning tells it.
        sampler: DistributedSampler[Any] = DistributedSampler(
            samples,
            num_replicas=self.trainer.world_size,
            rank=self.trainer.global_rank,
            shuffle=train,
            seed=self.run.seed,
        )
        return DataLoader(
            samples,
            batch_size=batch,
            sampler=sampler,
            drop_last=train and batch < len(sampler) and len(sampler) % batch == 1,
        )


class LossHistory(Callback):
    """The loss of each epoch; it travels in the checkpoint, so a resumed run has all of them."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Takes the loss that Lightning has averaged over the epoch."""
        self.losses.append(short(float(trainer.callback_metrics["train_loss"])))

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"losses": list(self.losses)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.losses = list(state_dict["losses"])


def make_optimizer(model: nn.Module, run: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser of a run over a model's parameters."""
    parameters, rate, decay = model.parameters(), run.learning_rate, run.weight_decay
    if run.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=run.momentum, weight_decay=decay)
    if run.optimizer == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=decay)
    return torch.optim.Adam(parameters, rate, weight_decay=decay)


def short(value: float) -> float:
    """A float32 measurement without the digits that its conversion made up."""
    return float(f"{value:.7g}")
