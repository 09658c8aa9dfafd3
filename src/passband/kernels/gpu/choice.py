"""Where the kernels can be used."""

from __future__ import annotations

import math
import os
import sysconfig
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from passband.transforms.fourier.axis import Axis

_DTYPES = (torch.bfloat16, torch.float16, torch.float32)
_OFFSETS = 1 << 31  # within one image


def available(device_type: str) -> bool:
    """Whether kernels run on a type of device: Triton and what it needs, and such a GPU.

    Or Triton's interpreter, on a CPU.
    """
    if device_type == "cpu":
        return interpreted() and _installed()
    return device_type == "cuda" and _installed() and _compiles() and _capable()


def fits(axes: Sequence[Axis], dtype: torch.dtype) -> bool:
    """Whether the kernels transform maps of a dtype along these axes."""
    return dtype in _DTYPES and len(axes) <= 2


def supports(x: Tensor, axes: Sequence[Axis]) -> bool:
    """Whether the kernels transform this map, or to it this spectrum, along these axes.

    They take one or two axes and single or half precision, and want real memory: tensors that
    another layer of PyTorch only follows (to compile, export, or count) are not theirs.
    """
    if not available(x.device.type) or not fits(axes, x.dtype):
        return False
    followed = torch.compiler.is_compiling() or is_in_torch_dispatch_mode()
    # Channels are the second size of a map and the last of a spectrum.
    image = max(x.shape[1], x.shape[-1]) * math.prod(axis.grid.count for axis in axes)
    return type(x) is Tensor and not followed and image < _OFFSETS


def interpreted() -> bool:
    """Whether Triton is to interpret kernels on the CPU."""
    return os.environ.get("TRITON_INTERPRET") == "1"


@cache
def _installed() -> bool:
    return find_spec("triton") is not None


@cache
def _compiles() -> bool:
    """Whether Triton can compile what starts a kernel: it raises where it cannot."""
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return bool(os.environ.get("CC") or which("gcc") or which("clang")) and headers.exists()


@cache
def _capable() -> bool:
    """Whether the GPU multiplies matrices of bfloat16, and is of the kind that was compiled for."""
    if torch.version.hip is not None or not torch.cuda.is_available():
        return False
    return torch.cuda.get_device_capability() >= (8, 0)
