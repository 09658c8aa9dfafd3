"""Forward-mode derivatives, and those of derivatives; what has none says so."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, gradcheck

import passband as pb
from cases import CONV, TRANSPOSED, WAYS, Case, bound, inputs, named

# PyTorch's own, the first time that it is asked for a tangent.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

SOME = [
    *((case, False) for case in named(
        CONV, "1d-stride-dilation", "1d-circular-strided", "2d-groups", "2d-reflect", "3d-same-even"
    )),
    *((case, True) for case in named(TRANSPOSED, "1d-stride", "2d-depthwise")),
]  # fmt: skip


@pytest.mark.parametrize("keep", [1.0, 0.4])
@pytest.mark.parametrize(("case", "transposed"), SOME, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_gradcheck(way: str, case: Case, transposed: bool, keep: float) -> None:
    function = bound(case, keep, way, transposed=transposed)
    given = inputs(case, transposed=transposed)
    assert gradcheck(function, given, check_forward_ad=True, fast_mode=True)


def layer(dtype: torch.dtype = torch.float64) -> pb.nn.BandConv2d:
    torch.manual_seed(0)
    return pb.nn.BandConv2d(3, 5, 3, padding=1, stride=2, keep=0.3, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_tangent_of_a_linear_map_is_the_map(dtype: torch.dtype) -> None:
    conv = layer(dtype)
    x, v = (torch.randn(2, 3, 9, 8, dtype=dtype) for _ in range(2))
    wanted = conv(v) - conv.bias.view(1, -1, 1, 1)  # type: ignore[union-attr]
    torch.testing.assert_close(torch.func.jvp(conv, (x,), (v,))[1], wanted)
    for recording in (True, False):
        with forward_ad.dual_level(), torch.set_grad_enabled(recording):
            dual = conv(forward_ad.make_dual(x, v))
            tangent = forward_ad.unpack_dual(dual).tangent
            assert tangent is not None
            torch.testing.assert_close(tangent, wanted)


def test_a_bias_alone_has_a_tangent() -> None:
    conv = layer()
    x, v = torch.randn(2, 3, 9, 8, dtype=torch.float64), torch.randn(5, dtype=torch.float64)

    def of_bias(bias: Tensor) -> Tensor:
        given = {"weight": conv.weight, "bias": bias}
        found: Tensor = torch.func.functional_call(conv, given, (x,))
        return found

    assert conv.bias is not None
    y, tangent, *_ = torch.func.jvp(of_bias, (conv.bias,), (v,))
    torch.testing.assert_close(tangent, v.view(1, -1, 1, 1).expand_as(y))


def test_jacobians_forward_and_backward_are_one() -> None:
    conv = layer()
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)

    def function(x: Tensor) -> Tensor:
        pooled: Tensor = conv(x).sum((2, 3))
        return pooled.square()

    torch.testing.assert_close(torch.func.jacfwd(function)(x), torch.func.jacrev(function)(x))


def test_hessian() -> None:
    conv = layer()
    x = torch.randn(1, 3, 4, 4, dtype=torch.float64)

    def function(x: Tensor) -> Tensor:
        y: Tensor = conv(x)
        return y.pow(3).sum()

    wanted = torch.autograd.functional.hessian(function, x)
    torch.testing.assert_close(torch.func.hessian(function)(x), wanted)


@pytest.mark.parametrize("way", WAYS)
def test_batched_gradients_are_refused(way: str) -> None:
    conv = layer(torch.float32)
    conv.plan = way  # type: ignore[assignment]
    x = torch.randn(2, 3, 9, 8, requires_grad=True)
    y = conv(x)
    many = torch.randn(4, *y.shape)
    with pytest.raises(RuntimeError, match=r"use torch.func.jacrev, torch.func.vmap"):
        torch.autograd.grad(y, x, many, is_grads_batched=True)


def test_what_is_held_for_tangents_is_let_go() -> None:
    """Outside a dual level nothing more is held than backward needs."""
    conv = layer()
    x = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    conv.weight.requires_grad_(False)
    assert pb.memory.saved(lambda: conv(x.clone().requires_grad_())).total == 0
