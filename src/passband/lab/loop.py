"""The loop of a training: epochs of steps, on Lightning Fabric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import ReduceLROnPlateau

from passband.convert.observe import evaluating
from passband.lab.batches import EVALUATION_BATCH, Batches, batched
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData, Samples
from passband.lab.data.augmentation import AUGMENTATIONS
from passband.lab.data.extent import extent
from passband.lab.data.noise import NOISES
from passband.lab.history import History
from passband.lab.optimization import make_optimizer, make_schedule

if TYPE_CHECKING:
    from lightning.fabric import Fabric


class Loop:
    """A model that learns to name maps, by cross entropy.

    Args:
        fabric: Where; launched, if it has processes to launch.
        model: Maps ``(N, C, *space)`` to logits ``(N, classes)``. It is moved to its device.
        run: How.
        loaded: From what.
        callbacks: Told of each moment.

    Attributes:
        model: As given, for callbacks to look at and change.
        epoch: How many are trained: while one is being trained, its number from 0.
        history: What was measured so far.
        batches: Of the training set, those of this process.
        optimizer: Has the rate.
    """

    def __init__(
        self,
        fabric: Fabric,
        model: nn.Module,
        run: TrainConfig,
        loaded: LabeledData,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.fabric, self.model, self.run, self.loaded = fabric, model, run, loaded
        self.callbacks = callbacks
        self.epoch, self.history = 0, History(run.early_stop)
        self._extent = extent(loaded) if run.noise else None  # it reads samples
        self.batches = self._share(loaded.train, run.batch_size, run.seed)
        self._module = fabric.setup_module(model)
        optimizer = make_optimizer(self._module.parameters(), run)
        self.optimizer: Any = fabric.setup_optimizers(optimizer)
        steps = run.epochs * -(-len(self.batches) // run.accumulate)
        self._schedule = make_schedule(optimizer, run, steps)

    def fit(self, path: Path) -> None:
        """Trains to the last epoch, or until early stopping, with a checkpoint after each epoch."""
        for callback in self.callbacks:
            callback.on_start(self)
        while self.epoch < self.run.epochs and not self.history.ended:
            for callback in self.callbacks:
                callback.on_epoch_start(self)
            loss = self._train_epoch()
            self.epoch += 1
            held = self.loaded.validation
            self.history.add(self.model, loss, None if held is None else self.evaluate(held))
            for callback in self.callbacks:
                callback.on_epoch_end(self)
            self.fabric.save(path, self._state())

    def resume(self, path: Path) -> None:
        """Goes back to where a checkpoint was taken."""
        state = self._state()
        self.fabric.load(path, state, weights_only=True)
        self.epoch = state["epoch"]
        for name, callback in self._named_callbacks():
            if name in state["callbacks"]:
                callback.load_state_dict(state["callbacks"][name])

    def test(self) -> float:
        """Share of the test set that the model gets right."""
        return self.evaluate(self.loaded.test)[1]

    def evaluate(self, samples: Samples) -> tuple[float, float]:
        """Mean loss, and share that is right, of samples of which each process takes its share."""
        for callback in self.callbacks:
            callback.on_evaluation_start(self)
        share = self._share(samples, EVALUATION_BATCH, None)
        total, right = 0.0, 0.0
        with evaluating(self.model):
            for index, (inputs, labels) in enumerate(self._on_device(samples, share)):
                genuine = min(len(labels), max(0, share.genuine - index * EVALUATION_BATCH))
                logits, labels = self._module(inputs)[:genuine].float(), labels[:genuine]
                total += float(cross_entropy(logits, labels, reduction="sum"))
                right += float((logits.argmax(1) == labels).sum())
        total, right, count = self._of_all(total, right, share.genuine)
        return total / count, right / count

    def prepare(self, maps: Tensor) -> Tensor:
        """Maps where the model is, in the type of number that it takes."""
        prepared: Tensor = self.fabric.strategy.precision.convert_input(maps.to(self.fabric.device))
        return prepared

    def autocast(self) -> AbstractContextManager[Any]:
        """The scope in which the model is run."""
        return self.fabric.autocast()

    def _train_epoch(self) -> float:
        """Trains an epoch; returns its mean loss over the samples."""
        # All that is random in an epoch is a function of seed and epoch: a resumed run meets what
        # the uninterrupted one would have met.
        self.batches.set_epoch(self.epoch)
        torch.manual_seed(self.batches.seed_of_epoch)
        augment, last = AUGMENTATIONS[self.run.augment], len(self.batches)
        losses, counts = [], []
        for number, (inputs, labels) in enumerate(
            self._on_device(self.loaded.train, self.batches), 1
        ):
            for callback in self.callbacks:
                callback.on_step_start(self)
            waits = number % self.run.accumulate != 0 and number != last
            with self.fabric.no_backward_sync(self._module, enabled=waits):
                loss = cross_entropy(self._module(self._disturbed(augment(inputs))), labels)
                self.fabric.backward(loss / self.run.accumulate)
            losses.append(loss.detach())
            counts.append(len(labels))
            if not waits:
                self.optimizer.step()
                self.optimizer.zero_grad()
                if self.run.schedule == "cosine":
                    self._schedule.step()
            for callback in self.callbacks:
                callback.on_step_end(self)
        found = torch.stack(losses).double().cpu() @ torch.tensor(counts, dtype=torch.float64)
        total, count = self._of_all(float(found), sum(counts))
        if isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.step(total / count)
        elif self.run.schedule != "cosine":
            self._schedule.step()
        return total / count

    def _disturbed(self, maps: Tensor) -> Tensor:
        """With a run's noise; drawn on the CPU, it is the same on every device."""
        if self._extent is None:
            return maps
        seed = int(torch.randint(2**62, ()))
        return NOISES[self.run.noise_kind](maps, self.run.noise, seed, self._extent)

    def _share(self, samples: Samples, batch: int, seed: int | None) -> Batches:
        rank, world = self.fabric.global_rank, self.fabric.world_size
        return Batches(samples, batch, rank=rank, world=world, seed=seed)

    def _on_device(self, samples: Samples, batches: Batches) -> Iterable[tuple[Tensor, Tensor]]:
        device = self.fabric.device
        for maps, labels in batched(samples, batches):
            yield maps.to(device, non_blocking=True), labels.to(device, non_blocking=True)

    def _of_all(self, *sums: float) -> list[float]:
        """Added up over all processes."""
        mine = torch.tensor(sums, dtype=torch.float64, device=self.fabric.device)
        found = self.fabric.all_reduce(mine, reduce_op="sum")
        assert isinstance(found, Tensor)
        return found.tolist()

    def _named_callbacks(self) -> Iterable[tuple[str, Callback]]:
        """In their order; there may be several of a class."""
        return ((f"{at} {type(one).__name__}", one) for at, one in enumerate(self.callbacks))

    def _state(self) -> dict[str, Any]:
        """All that a checkpoint holds."""
        return {
            "model": self._module,
            "optimizer": self.optimizer,
            "schedule": self._schedule,
            "precision": self.fabric.strategy.precision,  # the scale of float16's gradients
            "history": self.history,
            "callbacks": {name: one.state_dict() for name, one in self._named_callbacks()},
            "epoch": self.epoch,
        }
