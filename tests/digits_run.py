"""A small run that several test files train."""

from pathlib import Path
from typing import Any

import torch

from passband.lab.config import TrainConfig


def config(out: Path, **given: Any) -> TrainConfig:
    settings = {"epochs": 3, "batch_size": 64, "learning_rate": 3e-3, "accelerator": "cpu"}
    return TrainConfig.recommended("digits", "lenet5", str(out), **{**settings, **given})


def weights(out: Path) -> dict[str, torch.Tensor]:
    content = torch.load(out / "last.ckpt", weights_only=True)
    return dict(content["model"])
