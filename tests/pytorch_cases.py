"""PyTorch's own convolution cases, and how to run ours beside theirs at keep=1.

The cases come out of the installed wheel: `op_db` (functions, with their error inputs), `module_db`
and `get_new_module_tests` (layers). What of theirs is not ours to do is in `NOT_OURS`, with the
reason; a test holds that table to what the wheel lists, so nothing is left out unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import passband as pb

PLANS = ["auto", "fft", "dft", "spatial"]
# Of the largest value expected; the half precisions are compared with float64 on the same values.
TOLERANCE = {
    torch.float64: 1e-10,
    torch.float32: 1e-5,
    torch.float16: 4e-3,
    torch.bfloat16: 5e-2,  # by matrices of bfloat16 on each of three axes
}
NO_COMPLEX = "a band is symmetric in ±k because maps are real; a complex map has no half spectrum"
NO_INTEGER = "an integer map has no spectrum in its own dtype, and integers have no gradient"
NO_LAZY = "a lazy layer becomes nn.ConvNd at its first batch; convert the model after that"
NOT_OURS: dict[object, str] = {
    torch.complex64: NO_COMPLEX,
    torch.complex128: NO_COMPLEX,
    torch.int64: NO_INTEGER,
    **{f"nn.LazyConv{t}{d}d": NO_LAZY for t in ("", "Transpose") for d in (1, 2, 3)},
}
OPS: dict[str, Any] = {op.name: op for op in op_db if op.name.startswith("nn.functional.conv")}
MODULES: dict[str, Any] = {info.name: info for info in module_db if "Conv" in info.name}


def band_function(name: str) -> Callable[..., Tensor]:
    found: Callable[..., Tensor] = getattr(pb.functional, f"band_{name.rpartition('.')[2]}")
    return found


def near(actual: Tensor | None, wanted: Tensor | None, dtype: torch.dtype, what: str) -> None:
    assert (actual is None) == (wanted is None), what
    if actual is None or wanted is None:
        return
    assert actual.dtype == dtype, what
    assert actual.shape == wanted.shape, what
    if wanted.numel() == 0:
        return
    error, scale = (actual.double() - wanted.double()).abs().max(), wanted.double().abs().max()
    assert error <= TOLERANCE[dtype] * scale, f"{what}: off by {error:.2e} of {scale:.2e}"


def copies(tensors: list[Tensor | None], dtype: torch.dtype) -> list[Tensor | None]:
    return [None if t is None else t.detach().to(dtype).requires_grad_() for t in tensors]


def value_and_gradients(
    f: Callable[..., Tensor], tensors: list[Tensor | None]
) -> list[Tensor | None]:
    """What f gives, then the gradient of each tensor for a cotangent that depends on the shape."""
    y = f(*tensors)
    steps = torch.linspace(-0.5, 1.5, max(y.numel(), 1), dtype=torch.float64)[: y.numel()]
    y.backward(steps.reshape(y.shape).to(y.dtype))
    return [y, *(None if t is None else t.grad for t in tensors)]


def same_error(plain: Callable[[], object], ours: Callable[[], object]) -> None:
    """Ours raises the class PyTorch raises, or a subclass, and says something."""
    with pytest.raises(Exception) as theirs:  # noqa: PT011  # whatever it is, ours must be too
        plain()
    with pytest.raises(theirs.type) as raised:
        ours()
    assert str(raised.value)
