"""The kernels as Triton's interpreter runs them, without a trace in other tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

_LOADED = ("passband.kernels.gpu.device", "passband.kernels.gpu.launch")


@contextmanager
def interpreted() -> Iterator[None]:
    """A scope in which kernels are interpreted; decided when their modules are imported."""
    before = _forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        _multiply_bfloat16(patch)
        yield
    _forget()
    sys.modules.update(before)


def _forget() -> dict[str, Any]:
    return {name: sys.modules.pop(name) for name in [*sys.modules] if name.startswith(_LOADED)}


def _multiply_bfloat16(patch: pytest.MonkeyPatch) -> None:
    """The interpreter keeps bfloat16 as its bits, and its matrix product takes them as integers."""
    from triton.runtime import interpreter

    builder: Any = interpreter.InterpreterBuilder
    dot = builder.create_dot

    def wide(self: Any, a: Any, b: Any, *rest: Any) -> Any:
        return dot(self, _widened(a), _widened(b), *rest)

    patch.setattr(builder, "create_dot", wide)


def _widened(handle: Any) -> Any:
    import triton.language as tl
    from triton.runtime.interpreter import TensorHandle

    if handle.dtype != tl.bfloat16:
        return handle
    bits = handle.data.astype(np.uint32) << 16
    return TensorHandle(bits.view(np.float32), tl.float32)
