"""What stands around an image: zeros, or the image again."""

from __future__ import annotations

from typing import Literal, cast

from passband.lab.checks import check_choice

PaddingMode = Literal["zeros", "circular"]


def padding_mode_of(name: str) -> PaddingMode:
    """The padding mode of a network's convolutions.

    Args:
        name: `zeros`, or `circular`, with which a convolution of stride 1 commutes with shifts.

    Raises:
        ValueError: there is no such mode.
    """
    check_choice("padding_mode", name, ("zeros", "circular"))
    return cast("PaddingMode", name)
