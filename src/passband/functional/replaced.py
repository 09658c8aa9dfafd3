"""Values that are replaced, and what backward makes of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

InputGradient = Literal["true", "identity"]
"""That of the function itself, or that of the identity in its place.

The identity is the backward pass differentiable approximation (BPDA) of Athalye, Carlini and
Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.1: what an
attack uses to get through a defence whose own gradient says little.
"""


def replaced(x: Tensor, make: Callable[[Tensor], Tensor], slope: Literal[0, 1]) -> Tensor:
    """What `make(x)` computes, with a constant derivative; autograd holds nothing for it.

    Args:
        x: real floating point.
        make: computes values of the shape and dtype of `x`.
        slope: the derivative, of each value by the one that it replaces.
    """
    if torch.compiler.is_exporting():  # operations alone, whose gradients a program knows
        passed = x * slope
        return passed + (make(x) - passed).detach()
    function = _Replaced if torch.compiler.is_dynamo_compiling() else _WithTangent
    out: Tensor = function.apply(x, make, slope)  # type: ignore[no-untyped-call]
    return out


class _Replaced(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, make: Callable[[Tensor], Tensor], slope: int) -> Tensor:
        return make(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, _, ctx.slope = inputs

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad * ctx.slope, None, None


class _WithTangent(_Replaced):
    """With what a compiler does not follow."""

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        out: Tensor = tangent * ctx.slope
        return out
