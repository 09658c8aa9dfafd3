"""First and second derivatives by finite differences, and what autograd may ask for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import oracle
from cases import (
    CONV,
    FILLED,
    FILLED_TRANSPOSED,
    KEEPS,
    WAYS,
    Case,
    bound,
    close,
    inputs,
    leaf,
    named,
    output_shape,
)
from oracle import Cut

SLOW = [
    Case("1d-slow", (1, 2, 5), (2, 1, 2), {"padding": 1, "groups": 2}),
    Case("1d-slow-strided", (2, 1, 4), (1, 1, 3), {"padding": 2, "stride": 3, "dilation": 2}),
    Case("1d-slow-circular", (1, 1, 4), (2, 1, 3), {"padding": 1, "padding_mode": "circular"}),
    Case("2d-slow", (1, 1, 3, 4), (1, 1, 2, 3), {"padding": (0, 1), "stride": (1, 2)}),
    Case("2d-slow-reflect", (1, 1, 3, 2), (1, 1, 2, 2), {"padding": 1, "padding_mode": "reflect"}),
    Case("3d-slow", (1, 1, 2, 1, 3), (1, 1, 2, 1, 2), {"padding": "same"}),
]


@pytest.mark.parametrize("case", FILLED, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_fast(plan: str, case: Case) -> None:
    assert torch.autograd.gradcheck(bound(case, 0.5, plan), inputs(case), fast_mode=True)


@pytest.mark.parametrize("case", FILLED_TRANSPOSED, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_fast_transposed(plan: str, case: Case) -> None:
    op = bound(case, 0.5, plan, transposed=True)
    assert torch.autograd.gradcheck(op, inputs(case, transposed=True), fast_mode=True)


@pytest.mark.parametrize("case", FILLED, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradgradcheck_fast(plan: str, case: Case) -> None:
    assert torch.autograd.gradgradcheck(bound(case, 0.5, plan), inputs(case), fast_mode=True)


@pytest.mark.parametrize("case", FILLED_TRANSPOSED, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradgradcheck_fast_transposed(plan: str, case: Case) -> None:
    op = bound(case, 0.5, plan, transposed=True)
    assert torch.autograd.gradgradcheck(op, inputs(case, transposed=True), fast_mode=True)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", SLOW, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_slow(plan: str, case: Case, keep: float) -> None:
    assert torch.autograd.gradcheck(bound(case, keep, plan), inputs(case))
    assert torch.autograd.gradgradcheck(bound(case, keep, plan), inputs(case))


@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_spectral_stride(plan: str) -> None:
    (case,) = named(CONV, "2d-stride-dilation")
    op = bound(case, 1.0, plan, stride_mode="spectral")
    assert torch.autograd.gradcheck(op, inputs(case), fast_mode=True)
    assert torch.autograd.gradgradcheck(op, inputs(case), fast_mode=True)


@pytest.mark.parametrize("keep", [1.0, 0.25])
@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_noncontiguous(plan: str, keep: float) -> None:
    """Every argument and the cotangents come with strides of their own."""
    case = Case("2d", (2, 3, 5, 4), (2, 3, 3, 2), {"padding": 1, "stride": (1, 2)})
    x, w, b = case.tensors()
    assert b is not None
    strange = (
        torch.from_numpy(x.transpose(0, 2, 3, 1).copy()).permute(0, 3, 1, 2).requires_grad_(),
        torch.from_numpy(w.transpose(3, 2, 1, 0).copy()).permute(3, 2, 1, 0).requires_grad_(),
        torch.from_numpy(np.repeat(b, 2))[::2].requires_grad_(),
    )
    assert not any(t.is_contiguous() for t in strange)
    op = bound(case, keep, plan)
    wanted = oracle.conv(x, w, b, cut=Cut(keep=keep), **case.options)
    close(op(*strange), wanted.y, "y")
    assert torch.autograd.gradcheck(op, strange, fast_mode=True)
    assert torch.autograd.gradgradcheck(
        op, strange, fast_mode=True, gen_non_contig_grad_outputs=True
    )


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("plan", WAYS)
def test_expanded_cotangent_and_input(plan: str, transposed: bool) -> None:
    case = Case("2d", (2, 2, 4, 5), (2, 2, 3, 2), {"stride": 2, "padding": 1})
    x, w, b = case.tensors(transposed=transposed)
    x = np.broadcast_to(x[:1], x.shape)
    oracle_op = oracle.conv_transpose if transposed else oracle.conv
    shape = output_shape(case, transposed)
    wanted = oracle_op(x, w, b, np.full(shape, 1.5), cut=Cut(keep=0.5), **case.options)
    one = torch.from_numpy(x[:1].copy()).requires_grad_()
    weight, bias = leaf(w), leaf(b)
    assert weight is not None
    assert bias is not None
    y = bound(case, 0.5, plan, transposed=transposed)(one.expand(*x.shape), weight, bias)
    y.backward(torch.tensor(1.5, dtype=torch.float64).expand(*shape))
    assert wanted.dx is not None
    close(one.grad, wanted.dx.sum(axis=0, keepdims=True), "dx")
    close(weight.grad, wanted.dw, "dw")
    close(bias.grad, wanted.db, "db")


@pytest.mark.parametrize("wants", [w for w in itertools.product([0, 1], repeat=3) if any(w)])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("keep", [1.0, 0.25])
@pytest.mark.parametrize("plan", WAYS)
def test_unused_gradients(
    plan: str, keep: float, transposed: bool, wants: tuple[int, int, int]
) -> None:
    """Any subset of input, weight and bias may be frozen."""
    case = Case("1d", (2, 4, 7), (4, 2, 3), {"stride": 2, "padding": 1, "groups": 2})
    arrays = case.tensors(transposed=transposed)
    oracle_op = oracle.conv_transpose if transposed else oracle.conv
    shape = output_shape(case, transposed)
    seed = np.random.default_rng(0).standard_normal(shape)
    wanted = oracle_op(*arrays, seed, cut=Cut(keep=keep), **case.options)
    tensors = [
        torch.from_numpy(a).requires_grad_(bool(want))
        for a, want in zip(arrays, wants, strict=True)
        if a is not None
    ]
    y = bound(case, keep, plan, transposed=transposed)(*tensors)
    y.backward(torch.from_numpy(seed))
    names = ["dx", "dw", "db"]
    for tensor, want, name in zip(tensors, wants, names, strict=True):
        close(tensor.grad, getattr(wanted, name) if want else None, name)
    op = bound(case, keep, plan, transposed=transposed)
    assert torch.autograd.gradgradcheck(op, tuple(tensors), fast_mode=True)


@pytest.mark.parametrize("plan", WAYS)
def test_nothing_requires_grad(plan: str) -> None:
    case = Case("1d", (2, 4, 7), (4, 4, 3))
    tensors = [torch.from_numpy(a) for a in case.tensors() if a is not None]
    assert not bound(case, 0.5, plan)(*tensors).requires_grad


@pytest.mark.parametrize("plan", WAYS)
def test_backward_twice_adds_up(plan: str) -> None:
    case = Case("1d", (2, 4, 7), (4, 4, 3))
    x, w, b = inputs(case)
    y = bound(case, 0.5, plan)(x, w, b).square().sum()
    y.backward(retain_graph=True)
    assert w.grad is not None
    once = w.grad.clone()
    y.backward()
    torch.testing.assert_close(w.grad, 2 * once, rtol=0, atol=0)
