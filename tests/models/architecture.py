"""A network as others wrote it, small, and what it is given."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Build = Callable[[Any], nn.Module]
"""From the package to a network."""


@dataclass(frozen=True)
class Architecture:
    """A network of a package.

    Attributes:
        task: what it is for.
        package: that has it, as one imports it.
        build: from the package to the network.
        inputs: by position.
        dtype: to compare gradients in; deep networks make much of rounding where a batch norm has
            few samples, and not every network computes in float64.
    """

    task: str
    package: str
    build: Build
    inputs: tuple[Tensor, ...]
    dtype: torch.dtype = torch.float32

    def network(self) -> nn.Module:
        """With random weights, the same each time.

        Raises:
            ImportError: the package does not import here.
        """
        package = imported(self.package)
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages, when they import what they need
            return self.build(package)


def noise(*shape: int) -> Tensor:
    """An input of this shape, the same each time."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


Architectures = Mapping[str, Architecture]


def imported(package: str) -> Any:
    """A package.

    Raises:
        ImportError: it is not installed, or was built for another PyTorch.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(package)
        except RuntimeError as error:
            raise ImportError(f"{package} does not import here: {error}") from error
