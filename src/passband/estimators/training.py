"""One network of an estimator: built, trained and asked, as the laboratory does it.

The laboratory's loop is on Lightning Fabric, for many devices and with checkpoints. This one is
for one core and needs torch alone; weights after training are the same to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import TensorDataset

import passband as pb
from passband.convert.observe import evaluating
from passband.lab.batches import EVALUATION_BATCH, Batches, batched
from passband.lab.optimization import make_optimizer, make_schedule
from passband.lab.recipes import Recipe

_BUILDING = Lock()  # all threads draw initial weights from one generator


@dataclass(frozen=True, eq=False)
class Training:
    """What networks learn from, and how.

    Attributes:
        build: Makes a network with fresh weights, maps `(N, C, length)` to logits `(N, classes)`.
        keep: Of the bands of its convolutions; None leaves them plain.
        cases: Maps float32 `(C, length)` and class indices to learn from.
        validation: The same, to say when to stop; None trains for all epochs.
        recipe: How weights move.
        patience: Epochs without a lower loss on the validation part that end training.
        verbose: Whether each epoch is printed.
    """

    build: Callable[[], nn.Module]
    keep: float | None
    cases: TensorDataset
    validation: TensorDataset | None
    recipe: Recipe
    patience: int
    verbose: bool


@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training.

    Attributes:
        network: With the weights of the lowest loss on the validation part, or else the last ones.
        epochs: How many it was trained for.
        keep_measured: Share of coefficients that its bands really keep; None without bands.
    """

    network: nn.Module
    epochs: int
    keep_measured: float | None


def train(training: Training, seed: int, number: int) -> Trained:
    """Trains a network by cross entropy, on one thread.

    Args:
        training: From what, and how.
        seed: Of initial weights and the order of cases; PyTorch's own generator stays as it is.
        number: Of the network, for what is printed.

    Raises:
        ValueError: The loss is no longer finite.
    """
    with one_thread():
        network = _built(training.build, seed)
        keep_measured = None
        if training.keep is not None:
            band, example = pb.Band(keep=training.keep), training.cases[:2][0]
            keep_measured = pb.convert_(network, band, example=example).keep_measured
        epochs = _fit(network, training, seed, number)
    return Trained(network.eval(), epochs, keep_measured)


def probabilities(network: nn.Module, maps: Tensor) -> Tensor:
    """Of each class, float32 `(N, classes)`, for maps `(N, C, length)`."""
    with evaluating(network):
        return torch.cat([network(part).softmax(1) for part in maps.split(EVALUATION_BATCH)])


@contextmanager
def one_thread() -> Iterator[None]:
    """A scope in which PyTorch computes on one thread: more would round otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _built(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    with _BUILDING, torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(seed)
        return build()


def _fit(network: nn.Module, training: Training, seed: int, number: int) -> int:
    """Moves the weights, and says for how many epochs."""
    recipe, held = training.recipe, training.validation
    batches = Batches(training.cases, recipe.batch_size, seed=seed)
    optimizer = make_optimizer(network.parameters(), recipe)
    schedule = make_schedule(optimizer, recipe, recipe.epochs * len(batches))
    lowest, at, best = math.inf, 0, network.state_dict()
    for epoch in range(1, recipe.epochs + 1):
        batches.set_epoch(epoch - 1)
        loss = _epoch(network, batched(training.cases, batches), optimizer, schedule)
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss of network {number} is {loss} in epoch {epoch}: scale the series, or "
                f"take a learning_rate below {recipe.learning_rate}"
            )
        said = f"network {number}, epoch {epoch} of {recipe.epochs}: loss {loss:.4g}"
        if held is not None:
            loss = _loss(network, *held.tensors)
            said += f", of the validation part {loss:.4g}"
            if loss < lowest:
                lowest, at, best = loss, epoch, deepcopy(network.state_dict())
        if training.verbose:
            print(said)
        if held is not None and epoch - at >= training.patience:
            break
    network.load_state_dict(best)  # without a validation part they are what it has
    return epoch


def _epoch(
    network: nn.Module,
    batches: Iterable[Sequence[Tensor]],
    optimizer: Optimizer,
    schedule: LRScheduler,
) -> float:
    """Trains on each batch, and returns the mean loss of a case."""
    total, count = 0.0, 0
    for maps, labels in batches:
        loss = cross_entropy(network(maps), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()  # that of the recipe, a cosine, moves with each step
        total, count = total + loss.item() * len(labels), count + len(labels)
    return total / count


def _loss(network: nn.Module, maps: Tensor, labels: Tensor) -> float:
    with evaluating(network):
        logits = torch.cat([network(part) for part in maps.split(EVALUATION_BATCH)])
    return cross_entropy(logits, labels).item()
