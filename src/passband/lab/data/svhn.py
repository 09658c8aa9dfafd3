"""SVHN, cropped digits (Netzer et al., Reading digits in natural images, 2011)."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from passband.lab.data.files import Digests, published, read
from passband.lab.data.images import prepared
from passband.lab.data.labeled import LabeledData, Part
from passband.lab.data.packages import require

DIGESTS: Digests = {
    "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
}
_MOST = 2**17  # images; the training set has 73257
_LIMIT = _MOST * 3 * 32 * 32


def load(root: Path, preprocessing: str | None = None, digests: Digests = DIGESTS) -> LabeledData:
    """Reads SVHN, 73257 training and 26032 test images of digits, 3x32x32.

    Args:
        root: holds `train_32x32.mat` and `test_32x32.mat`.
        preprocessing: see `passband.lab.data.load`.
        digests: the MD5 of each file.

    Raises:
        FileNotFoundError: root or a file is missing.
        ValueError: a file is damaged, cut short, or not the published one.
    """
    train, test = (_part(root / name, digests) for name in DIGESTS)
    return prepared("svhn", train, test, preprocessing, tuple("0123456789"))


def _part(path: Path, digests: Digests) -> Part:
    content = published(path, read(path, _LIMIT), path.name, digests)
    matlab = require("scipy.io")
    try:
        # The header alone first: it says how much there is to unpack.
        shapes = {name: shape for name, shape, _ in matlab.whosmat(io.BytesIO(content))}
        images, labels = shapes.get("X", ()), shapes.get("y", ())
        sound = images[:3] == (32, 32, 3) and len(images) == 4 and labels == (images[3], 1)
        if not sound or not 0 < images[3] <= _MOST:
            raise ValueError(f"its arrays are {shapes}, not X (32, 32, 3, N) and y (N, 1)")
        found = matlab.loadmat(io.BytesIO(content), variable_names=["X", "y"])
    except Exception as error:  # scipy's reader fails in many ways
        raise ValueError(f"{path}: not a sound .mat file of SVHN: {error}") from error
    maps, digits = torch.as_tensor(found["X"]), torch.as_tensor(found["y"]).flatten()
    if maps.dtype != torch.uint8:
        raise ValueError(f"{path}: X holds {maps.dtype}, not unsigned bytes")
    wrong = digits[(digits < 1) | (digits > 10)]
    if len(wrong):
        raise ValueError(f"{path}: label {wrong[0].item()}; labels are 1 to 10, where 10 is a 0")
    # To (N, 3, height, width); the class 10 is the digit 0.
    images_first = maps.permute(3, 2, 0, 1).contiguous()
    return Part(images_first, [str(int(digit) % 10) for digit in digits.tolist()])
