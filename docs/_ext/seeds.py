"""Each example of the gallery begins from the same random numbers."""

from __future__ import annotations

import torch


def seed(gallery_conf: dict[str, object], file: str) -> None:
    """Called by sphinx-gallery before each example."""
    torch.manual_seed(0)
