"""Multiply-adds of a plain network, counted without computing."""

import math

import torch
from torch.utils.flop_counter import FlopCounterMode

from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData
from passband.lab.training import build


def flops(run: TrainConfig, loaded: LabeledData) -> float:
    """Floating point operations of a forward pass of one map, as PyTorch counts them.

    Args:
        run: Without a band or policy: what these compute, PyTorch's counter does not know.
        loaded: Its data; only their shape matters.

    Returns:
        Operations; infinite if the network cannot be built for such maps or they are too small
        for its pooling.
    """
    try:
        with torch.device("meta"):
            model = build(run, loaded)[0].eval()
            maps = torch.empty(1, loaded.in_channels, *loaded.space)
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                model(maps)
    except (RuntimeError, ValueError):
        return math.inf
    return float(counter.get_total_flops())
