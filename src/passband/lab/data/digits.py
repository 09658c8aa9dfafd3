"""Digits: 1797 handwritten digits in the scikit-learn package (the test set of UCI's optdigits)."""

from __future__ import annotations

import torch

from passband.lab.data.images import prepared, split_by_class
from passband.lab.data.labeled import LabeledData
from passband.lab.data.packages import require


def load(preprocessing: str | None = None) -> LabeledData:
    """Reads the digits: 1433 training and 364 test images, 1x8x8, 17 grey levels.

    Args:
        preprocessing: see `passband.lab.data.load`.
    """
    digits = require("sklearn.datasets").load_digits()
    images = torch.as_tensor(digits.images).unsqueeze(1) / 16
    parts = split_by_class(images, torch.as_tensor(digits.target))
    return prepared("digits", *parts, preprocessing)
