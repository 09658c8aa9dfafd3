"""The matrix transform, and on a CPU the product of spectra, as kernels made for the device.

`plan="fused"` computes by them what `transforms.fourier.dft` and `functional.product` compute by
PyTorch's operations: on a CPU compiled C (`kernels.cpu`), on a GPU Triton (`kernels.gpu`). Both are
optional; what they do not take goes through PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from passband.kernels import cpu, gpu
from passband.transforms.fourier.axis import Axis
from passband.transforms.fourier.bins import Norm


def missing(device_type: str) -> str | None:
    """Why there are no kernels for a type of device, in words; None where there are."""
    if device_type == "cpu":
        return cpu.missing()
    if gpu.available(device_type):
        return None
    return (
        "they need a CUDA device with Triton (pip install 'passband[gpu]'), a C compiler and "
        "Python's headers"
    )


def fits(axes: Sequence[Axis], dtype: torch.dtype, device_type: str) -> bool:
    """Whether there are kernels that transform maps of a dtype along these axes."""
    if device_type == "cpu":
        return cpu.fits(axes, dtype)
    return gpu.available(device_type) and gpu.fits(axes, dtype)


def supports(x: Tensor, axes: Sequence[Axis]) -> bool:
    """Whether there are kernels that transform this map, or to it this spectrum."""
    return cpu.supports(x, axes) if x.is_cpu else gpu.supports(x, axes)


def analysis(x: Tensor, axes: tuple[Axis, ...], norm: Norm) -> Tensor:
    """As that of `transforms.fourier.dft`."""
    return cpu.analysis(x, axes, norm) if x.is_cpu else gpu.analysis(x, axes, norm)


def adjoint(spectrum: Tensor, axes: tuple[Axis, ...], norm: Norm, *, last: bool) -> Tensor:
    """As that of `transforms.fourier.dft`."""
    by = cpu.adjoint if spectrum.is_cpu else gpu.adjoint
    return by(spectrum, axes, norm, last=last)
