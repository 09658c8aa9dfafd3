"""Numbers in a few bits each, between the least and the greatest of their group.

A code is floor((x - least) / step + noise) and stands for least + (code + 1/2 - noise) step, where
the noise, from 0 to 1, is the same both times (subtractive dither): so the error is noise too, of
half a step at most, and on average over the noise nothing is lost. Rounding at random without
taking the noise off again errs twice as much in the mean of squares.
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.kernels.cpu import GROUP

Bits = Literal[2, 3, 4, 8]
_PERIOD = 65521  # numbers of noise: a prime, so that no sample of a batch has that of another


class Codes(NamedTuple):
    """Packed codes, uint8, and the least number and the step of each group, bfloat16.

    Those of `first` say where in the noise the first group begins.
    """

    codes: Tensor
    scales: Tensor
    first: int


def quantised(x: Tensor, bits: Bits, chance: random.Random, base: Tensor | None = None) -> Codes:
    """The codes of a tensor: `bits` for each number and 32 for each group of 64.

    Args:
        x: any shape, contiguous, not empty.
        bits: of a code.
        chance: says where the noise begins.
        base: what the codes are the difference from; as `x`. By default 0.
    """
    groups, first = -(-x.numel() // GROUP), chance.randrange(_PERIOD)
    codes = x.new_empty(groups, GROUP * bits // 8, dtype=torch.uint8)
    scales = x.new_empty(groups, 2, dtype=torch.bfloat16)
    if compiled.quantises(x):
        compiled.quantise(x, base, codes, scales, _noise(x.device), first, bits)
        return Codes(codes, scales, first)
    x = x if base is None else x - base
    flat = F.pad(x.flatten().float(), (0, -x.numel() % GROUP)).view(groups, GROUP)
    least, most = flat.aminmax(dim=1)
    highest = (1 << bits) - 1
    # Least numbers are rounded down and steps up: so none lies beyond the codes.
    scales[:, 0] = _truncated(least, up=False)
    scales[:, 1] = _truncated((most - scales[:, 0].float()) / highest, up=True)
    of_least, step = scales.float().unsqueeze(-1).unbind(1)
    times = torch.where(step >= torch.finfo(torch.float32).tiny, 1 / step, 0.0)
    scaled = (flat - of_least) * times + _noise_of(groups, first, x.device)
    return Codes(_packed(scaled.clamp(0, highest).to(torch.uint8), bits), scales, first)


def dequantised(found: Codes, bits: Bits, out: Tensor, *, add: bool = False) -> Tensor:
    """The tensor that codes stand for, written or added to `out`, which is contiguous."""
    codes, scales, first = found
    if compiled.quantises(out):
        base = out if add else None
        compiled.dequantise(codes, scales, _noise(out.device), first, bits, base, out)
        return out
    least, step = scales.float().unsqueeze(-1).unbind(1)
    noise = _noise_of(len(codes), first, codes.device)
    numbers = (_unpacked(codes, bits) - noise + 0.5) * step + least
    numbers = numbers.flatten()[: out.numel()].view(out.shape)
    return out.add_(numbers) if add else out.copy_(numbers)


def _truncated(x: Tensor, *, up: bool) -> Tensor:
    """To bfloat16, the next number that is not less, or not more."""
    near = (x.view(torch.int32) & -65536).view(torch.float32)  # towards 0
    beyond = (near.view(torch.int32) + 65536).view(torch.float32)
    return torch.where(near < x if up else near > x, beyond, near).bfloat16()


def _packed(codes: Tensor, bits: int) -> Tensor:
    """Of `(groups, GROUP)`: those a fraction of the group apart share a byte."""
    if bits == 3:
        return torch.cat([_packed(codes & 3, 2), _packed(codes >> 2, 1)], 1)
    slots = codes.view(len(codes), 8 // bits, -1)
    return (slots << _shifts(bits, codes.device)).sum(1, dtype=torch.uint8)


def _unpacked(codes: Tensor, bits: int) -> Tensor:
    if bits == 3:
        low, high = codes.split([GROUP // 4, GROUP // 8], 1)
        return _unpacked(low, 2) | _unpacked(high, 1) << 2
    slots = codes[:, None] >> _shifts(bits, codes.device)
    return (slots & ((1 << bits) - 1)).flatten(1)


def _shifts(bits: int, device: torch.device) -> Tensor:
    return torch.arange(0, 8, bits, dtype=torch.uint8, device=device)[:, None]


def _noise_of(groups: int, first: int, device: torch.device) -> Tensor:
    """Noise for each number, `(groups, GROUP)`."""
    at = (first + GROUP * torch.arange(groups, device=device)) % _PERIOD
    return _noise(device).unfold(0, GROUP, 1)[at]


@lru_cache(maxsize=8)
def _noise(device: torch.device) -> Tensor:
    """Numbers from 0 to 1, and the first group of them once more."""
    generator = torch.Generator("cpu").manual_seed(0)
    numbers = torch.rand(_PERIOD, generator=generator, dtype=torch.float32, device="cpu")
    return torch.cat([numbers, numbers[:GROUP]]).to(device)
