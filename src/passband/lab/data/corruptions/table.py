"""The corruptions of CIFAR-10-C and ImageNet-C, made of any images.

Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and
perturbations, ICLR 2019 (arXiv:1903.12261). The kinds and groups are the paper's, the strengths its
or near to those of ImageNet-C; lengths in pixels were chosen for sides of 224 and are multiplied by
the shorter side / 224. Numbers compare networks with each other: they are not those of the
published images. Frost is left out, since it is photographs of frost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from torch import Generator, Tensor

from passband.lab.checks import check_count
from passband.lab.data.corruptions import blur, digital, noise, weather
from passband.spelling import meant

Corruption = Callable[[Tensor, int, Generator], Tensor]
"""Of images `(N, C, H, W)` in [0, 1], a severity and random numbers; it may leave [0, 1]."""

SEVERITIES = (1, 2, 3, 4, 5)

CORRUPTIONS: Mapping[str, Corruption] = {
    "gaussian_noise": noise.gaussian_noise,
    "shot_noise": noise.shot_noise,
    "impulse_noise": noise.impulse_noise,
    "speckle_noise": noise.speckle_noise,
    "defocus_blur": blur.defocus_blur,
    "glass_blur": blur.glass_blur,
    "motion_blur": blur.motion_blur,
    "zoom_blur": blur.zoom_blur,
    "gaussian_blur": blur.gaussian_blur,
    "snow": weather.snow,
    "fog": weather.fog,
    "brightness": weather.brightness,
    "contrast": digital.contrast,
    "elastic_transform": digital.elastic_transform,
    "pixelate": digital.pixelate,
    "jpeg_compression": digital.jpeg_compression,
    "saturate": digital.saturate,
}
"""By name. To add one, write it and name it here and in a group."""

_FURTHER = ("speckle_noise", "gaussian_blur", "saturate")  # held out there for validation
OF_THE_BENCHMARK = tuple(name for name in CORRUPTIONS if name not in _FURTHER)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    "weather": ("snow", "frost", "fog", "brightness", "spatter"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"),
}
"""The names of each group, also of those that only the published images have."""


def group_of(name: str) -> str:
    """The group of a corruption; of an unknown one "other"."""
    return next((group for group, names in GROUPS.items() if name in names), "other")


def check_severities(severities: Iterable[int]) -> None:
    """Refuses what is not 1 to 5, and none at all."""
    given = tuple(severities)
    if not given:
        raise ValueError("severities are one or more of 1 to 5; got none")
    for severity in given:
        check_count("severities", severity, most=SEVERITIES[-1])


def corrupted(name: str, maps: Tensor, severity: int, generator: Generator) -> Tensor:
    """Corrupts images.

    Args:
        name: of `CORRUPTIONS`.
        maps: `(N, C, H, W)` in [0, 1].
        severity: 1 to 5.
        generator: of the CPU, on which all random numbers are drawn.

    Returns:
        The images, in [0, 1].

    Raises:
        ValueError: unknown name or severity, or no images.

    Example:
        >>> import torch
        >>> white = torch.ones(1, 1, 8, 8)
        >>> float(corrupted("contrast", white, 3, torch.Generator()).mean())
        1.0
    """
    if name not in CORRUPTIONS:
        raise ValueError(
            f"unknown corruption {name!r}: there is {', '.join(CORRUPTIONS)}"
            f"{meant(name, CORRUPTIONS)}"
        )
    check_severities((severity,))
    if maps.ndim != 4:
        raise ValueError(f"corruptions are of images (N, C, H, W); got {tuple(maps.shape)}")
    return CORRUPTIONS[name](maps, severity, generator).clamp(0, 1)
