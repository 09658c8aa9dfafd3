"""Image files, opened with care, and images as maps."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from passband.lab.data.packages import require

# Others that pillow knows start other programs, or are no photographs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


def opened(file: Any, shown: object = None) -> Any:
    """A pillow image, decoded.

    Args:
        file: a path, or a binary stream.
        shown: what to call it in errors, if not by its path.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image, cut short, or unpacks to far more pixels than any photograph.
    """
    pillow = require("PIL.Image")
    try:
        with warnings.catch_warnings():
            # Pillow warns of an image that is likely a bomb, and refuses one twice as large.
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            with pillow.open(file, formats=_FORMATS) as image:
                image.load()
                return image.copy()
    except FileNotFoundError:
        raise
    except Exception as error:  # decoders fail in many ways
        raise ValueError(f"{shown or file}: not an image that can be read: {error}") from error


def to_map(image: Any) -> Tensor:
    """A pillow image as a map with pixels in [0, 1].

    Returns:
        `(1, height, width)` of black and white and of grey images, `(3, height, width)` of others.
    """
    grey = image.mode in ("1", "L")
    pixels = np.array(image.convert("L" if grey else "RGB"))
    maps = torch.from_numpy(pixels).reshape(image.height, image.width, 1 if grey else 3)
    return maps.permute(2, 0, 1) / 255
