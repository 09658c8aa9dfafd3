"""Small settings of the spectral studies that several test files run."""

from pathlib import Path
from typing import Any

from passband.lab.config import TrainConfig


def base(out: Path, model: str = "spec_lenet5", **given: Any) -> TrainConfig:
    settings = {"epochs": 1, "batch_size": 256, "learning_rate": 3e-3, "accelerator": "cpu"}
    return TrainConfig.recommended("digits", model, str(out), **{**settings, **given})
