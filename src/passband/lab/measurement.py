"""What training measures beside the loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData


class Measurement(NamedTuple):
    """One number of a run.

    Attributes:
        metric: What was measured.
        epoch: Epochs trained when it was taken; None if it does not depend on training.
        value: The number.
        keep_measured: What the layers kept then, if that differs from what they keep at the end.
    """

    metric: str
    epoch: int | None
    value: float
    keep_measured: float | None = None


class Probe(Callback, ABC):
    """A callback that measures while a model trains; its state travels in the checkpoint.

    It changes nothing: the training is what it is without.
    """

    @abstractmethod
    def measurements(self) -> list[Measurement]:
        """All that was found, in order."""


MakeProbe = Callable[[TrainConfig, LabeledData], Probe]


def short(value: float) -> float:
    """A float32 measurement without the digits that its conversion made up."""
    return float(f"{value:.7g}")
