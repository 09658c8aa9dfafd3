"""The maps that a model is tried on where no data say which."""

from __future__ import annotations

from passband.lab.models.registry import dims

_BY_AXES = {1: (1, 150), 2: (3, 32, 32), 3: (1, 16, 16, 16)}
_OWN = {"lenet5": (1, 28, 28)}


def sample_shape(name: str) -> tuple[int, ...]:
    """Channels and sizes of a sample: a series of 150, an image of 32x32, a volume of 16x16x16.

    Images for LeNet-5 are those of MNIST. A model given by its path is taken to be for images.

    Raises:
        ValueError: there is no such model.

    Example:
        >>> sample_shape("vgg16")
        (3, 32, 32)
    """
    axes = dims(name)
    return _OWN.get(name) or _BY_AXES[2 if axes is None else axes]
