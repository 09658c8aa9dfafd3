"""What is measured: a layer or a network, and the shape of its input."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Case:
    """One line of the grid.

    Attributes:
        name: Unique within a command.
        group: What it belongs to: a group of layers, or the name of a network.
        make: Builds the module that PyTorch offers, with fresh weights.
        shape: Of the input, ``(N, C, *space)``.
        keeps: Measured unless the user asks for others.
        kernel: Taps on an axis; 0 for a network.
        channels: Input channels; 0 for a network.
    """

    name: str
    group: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    keeps: tuple[float, ...]
    kernel: int = 0
    channels: int = 0

    @property
    def dims(self) -> int:
        """Space axes."""
        return len(self.shape) - 2
