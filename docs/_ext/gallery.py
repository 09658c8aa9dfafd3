"""Each example of the gallery begins alike: from the same random numbers, in the same style."""

from __future__ import annotations

from pathlib import Path

import torch
from matplotlib import style


def begin(gallery_conf: dict[str, object], file: str) -> None:
    """Called by sphinx-gallery before each example."""
    torch.manual_seed(0)
    style.use(Path(__file__).with_suffix(".mplstyle"))
