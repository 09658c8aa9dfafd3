"""How weights move: a run's optimiser, and how its rate falls."""

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LRScheduler,
    ReduceLROnPlateau,
    StepLR,
)

from passband.lab.config import TrainConfig
from passband.lab.recipes import Recipe

HALVING_EPOCHS = 50  # after which the schedule of that name halves the rate


def make_optimizer(parameters: Iterable[nn.Parameter], run: TrainConfig | Recipe) -> Optimizer:
    """The optimiser of a run."""
    rate, decay = run.learning_rate, run.weight_decay
    if run.optimizer == "sgd":
        return SGD(parameters, rate, momentum=run.momentum, weight_decay=decay)
    if run.optimizer == "adamw":
        return AdamW(parameters, rate, weight_decay=decay)
    return Adam(parameters, rate, weight_decay=decay)


def make_schedule(optimizer: Optimizer, run: TrainConfig | Recipe, steps: int) -> LRScheduler:
    """The schedule of a run: "cosine" moves after each of ``steps``, the others by epochs."""
    if run.schedule == "plateau":
        return ReduceLROnPlateau(optimizer, patience=run.patience, factor=run.factor)
    if run.schedule == "halving":
        return StepLR(optimizer, HALVING_EPOCHS, gamma=0.5)
    if run.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=steps)
    return ConstantLR(optimizer, factor=1.0, total_iters=0)
