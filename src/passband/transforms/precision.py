"""In which precision spectra are computed."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Literal

import torch

Transform = Literal["fft", "dft", "fused"]


def compute_dtype(dtype: torch.dtype, way: Transform, device: str) -> torch.dtype:
    """In which dtype samples of a dtype are transformed on a type of device.

    float64 and float32 as they are. Half precision in float32; but bfloat16 in bfloat16, with sums
    in float32, by matrix products on a device that has the instructions for them.
    """
    native = dtype == torch.bfloat16 and way != "fft" and multiplies_bfloat16(device)
    return dtype if native or dtype == torch.float64 else torch.float32


@cache
def multiplies_bfloat16(device: str) -> bool:
    """Whether matrix products of bfloat16 are faster than those of float32."""
    if device != "cpu":
        return device != "mps"
    # An old PyTorch that cannot tell computes in float32.
    tells = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(tells())


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """The dtype of an autocast in force on this device, or None."""
    # Of a map that is compiled it is available, and could not be asked for.
    asked = torch.compiler.is_dynamo_compiling() or torch.amp.is_autocast_available(device.type)
    if not asked:
        return None
    enabled = torch.is_autocast_enabled(device.type)
    return torch.get_autocast_dtype(device.type) if enabled else None


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """A scope in which operations run in the dtype of their operands."""
    if autocast_dtype(device) is None:
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
