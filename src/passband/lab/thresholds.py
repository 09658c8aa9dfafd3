"""Thresholds of a spectral network while it learns, and what they keep in the end."""

from typing import Any

import torch
from torch import Tensor, nn

import passband as pb
from passband.lab import models
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData, gather, size
from passband.lab.loop import Loop
from passband.nn import Threshold

SAMPLES = 128  # of the training set from which thresholds are chosen, or at most


class ChosenThresholds(Callback):
    """Thresholds that keep a wanted share of their coefficients, chosen in the first half.

    They are chosen anew as each epoch begins, since spectra grow as a network learns, from the same
    samples spread over the training set, and left in the second half, so that what is learnt then
    is a fixed function. Thresholds travel in the checkpoint with the weights.

    Args:
        density: Share of the coefficients.
        loaded: The data.
    """

    def __init__(self, density: float, loaded: LabeledData) -> None:
        self.density = density
        # Files tend to be in the order of classes: samples from all over, not the first.
        count = size(loaded.train)
        spread = min(SAMPLES, count)
        self.samples = gather(loaded.train, [at * count // spread for at in range(spread)])[0]

    def on_epoch_start(self, loop: Loop) -> None:
        """Chooses them."""
        if 2 * loop.epoch < loop.run.epochs:
            with loop.autocast():
                pb.calibrate_beta_(loop.model, [loop.prepare(self.samples)], self.density)


class RisingThresholds(Callback):
    """Thresholds that rise to beta over some epochs: a network learns dense before it is sparse.

    They follow from the number of the epoch, so a resumed run needs nothing of the one before.

    Args:
        beta: Where they arrive.
        epochs: After how many, in equal steps from 0 in the first.
    """

    def __init__(self, beta: float, epochs: int) -> None:
        self.beta, self.epochs = beta, epochs

    def on_epoch_start(self, loop: Loop) -> None:
        """Sets them."""
        share = min(1.0, loop.epoch / self.epochs)
        pb.set_beta_(loop.model, share * self.beta)


def of_run(run: TrainConfig, loaded: LabeledData) -> list[Callback]:
    """What moves the thresholds of a run."""
    if run.density is not None:
        return [ChosenThresholds(run.density, loaded)]
    if run.beta_epochs:
        default: Any = models.options(run.model)["beta"]
        return [RisingThresholds(default if run.beta is None else run.beta, run.beta_epochs)]
    return []


def density(model: nn.Module, x: Tensor) -> float:
    """Share of their coefficients that all thresholds of a model keep of a batch.

    Args:
        model: With thresholds. It runs without gradients.
        x: Maps ``(N, C, *space)``.
    """
    kept = count = 0

    def note(module: nn.Module, args: Any, out: pb.Spectrum) -> None:
        nonlocal kept, count
        kept += int((out.values != 0).any(1).sum())
        count += out.values.numel() // 2

    handles = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, Threshold)]
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return kept / count
