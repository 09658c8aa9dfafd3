"""Images of the user's, brought into the form in which a network has its own."""

from __future__ import annotations

import torch
from torch import Tensor

from passband.lab.data.labeled import LabeledData, first
from passband.lab.data.shape import Change

_SAMPLES = 1000


def preprocessing(unit: LabeledData, own: LabeledData) -> Change:
    """What turned pixels in [0, 1] into the units of the data, channel by channel.

    Args:
        unit: the data with pixels in [0, 1].
        own: the same as the network has it, in the same size.

    Returns:
        A function of images with pixels in [0, 1]. It is the data's own factor and offset, found
        by the least and the greatest value of both.
    """
    before, after = (first(part.test, _SAMPLES)[0].double() for part in (unit, own))
    over = (0, *range(2, before.ndim))
    low, high = before.amin(over, keepdim=True), before.amax(over, keepdim=True)
    moved, top = after.amin(over, keepdim=True), after.amax(over, keepdim=True)
    factor = torch.where(high > low, (top - moved) / (high - low).clamp_min(1e-12), 1)
    offset = moved - factor * low

    def change(maps: Tensor) -> Tensor:
        return maps * factor.to(maps) + offset.to(maps)

    return change
