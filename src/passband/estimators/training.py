"""One network of an estimator: built, trained and asked, as the laboratory does it.

The laboratory's loop is on Lightning Fabric, for many devices and with checkpoints. This one is
for one core and needs torch alone; weights after training are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import TensorDataset

import passband as pb
from passband.convert.observe import evaluating
from passband.lab.batches import EVALUATION_BATCH, Batches, batched
from passband.lab.history import History
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
        early_stop: Epochs without a lower loss after which training ends; 0 never ends it.
        verbose: Whether each epoch is printed.
    """

    build: Callable[[], nn.Module]
    keep: float | None
    cases: TensorDataset
    validation: TensorDataset | None
    recipe: Recipe
    early_stop: int
    verbose: bool


@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training.

    Attributes:
        network: With the weights that did best on the validation part, or else the last ones.
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
    """
    with one_thread():
        network = _built(training.build, seed)
        keep_measured = None
        if training.keep is not None:
            band, example = pb.Band(keep=training.keep), training.cases[:2][0]
            keep_measured = pb.convert_(network, band, example=example).keep_measured
        history = _fit(network, training, seed, number)
    if history.best:
        network.load_state_dict(history.best)
    return Trained(network.eval(), len(history.losses), keep_measured)


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


def _fit(network: nn.Module, training: Training, seed: int, number: int) -> History:
    recipe, held = training.recipe, training.validation
    batches = Batches(training.cases, recipe.batch_size, seed=seed)
    optimizer = make_optimizer(network.parameters(), recipe)
    schedule = make_schedule(optimizer, recipe, recipe.epochs * len(batches))
    history = History(training.early_stop)
    for epoch in range(recipe.epochs):
        batches.set_epoch(epoch)
        total, count = 0.0, 0
        for maps, labels in batched(training.cases, batches):
            loss = cross_entropy(network(maps), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            total, count = total + loss.item() * len(labels), count + len(labels)
        history.add(network, total / count, None if held is None else _validated(network, held))
        if training.verbose:
            print(f"network {number}, epoch {epoch + 1} of {recipe.epochs}: {_said(history)}")
        if history.ended:
            break
    return history


def _validated(network: nn.Module, held: TensorDataset) -> tuple[float, float]:
    """Mean loss, and share that is right."""
    maps, labels = held.tensors
    with evaluating(network):
        logits = torch.cat([network(part) for part in maps.split(EVALUATION_BATCH)])
    return cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def _said(history: History) -> str:
    said = f"loss {history.losses[-1]:.4g}"
    if history.validation:
        loss, accuracy = history.validation[-1]
        said += f", validation loss {loss:.4g}, accuracy {accuracy:.4g}"
    return said
