"""Colour depth: the levels, what is rounded to which, and what backward does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import passband as pb
from passband.functional import round_colors

F64 = torch.float64
GRADIENTS: tuple[Any, ...] = ("true", "identity")


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (-0.4242, 2.8215), (0, 255)])
@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8])
def test_so_many_levels_evenly_apart(bits: int, low: float, high: float) -> None:
    x = torch.linspace(low - 1, high + 1, 20_001, dtype=F64)
    found = round_colors(x, bits, low, high)
    levels = np.linspace(low, high, 2**bits)
    np.testing.assert_allclose(found.unique().numpy(), levels, rtol=1e-13, atol=1e-13)
    assert found[0] == low
    assert found[-1] == high
    nearest = np.abs(x.numpy()[:, None] - levels).min(1)
    np.testing.assert_allclose(np.abs(found.numpy() - x.numpy()), nearest, rtol=0, atol=1e-12)


def test_as_many_levels_in_float32_and_once_is_enough() -> None:
    x = torch.rand(2_000_000, generator=torch.Generator().manual_seed(0))
    for bits in (1, 4, 8, 12, 16):
        found = round_colors(x, bits)
        assert len(found.unique()) == 2**bits
        assert torch.equal(round_colors(found, bits), found)


def test_a_photograph_in_eight_bits_stays_what_it_is() -> None:
    pixels = torch.arange(256) / 255
    assert torch.equal(round_colors(pixels, 8), pixels)
    # two bits are the levels 0, 85, 170 and 255
    found = round_colors(torch.arange(256.0), 2, 0, 255)
    assert found.unique().tolist() == [0, 85, 170, 255]
    assert found.tolist() == (np.round(np.arange(256) / 85) * 85).tolist()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_dtypes_in_are_dtypes_out(dtype: torch.dtype) -> None:
    x = torch.rand(50, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = round_colors(x, 4)
    assert found.dtype == dtype
    assert torch.equal(found, round_colors(x.float(), 4).to(dtype))


def test_gradients() -> None:
    x = torch.tensor([-0.5, 0.1, 0.3, 0.6, 1.5], dtype=F64, requires_grad=True)
    y = torch.tensor([1.0, -2.0, 3.0, 4.0, 5.0], dtype=F64)
    (true,) = torch.autograd.grad(round_colors(x, 2), x, y)
    assert torch.equal(true, torch.zeros(5, dtype=F64))
    (through,) = torch.autograd.grad(round_colors(x, 2, gradient="identity"), x, y)
    assert torch.equal(through, y)
    # no value is near a step, so the true gradient is that of differences
    assert torch.autograd.gradcheck(lambda x: round_colors(x, 2), x)
    assert torch.autograd.gradgradcheck(lambda x: round_colors(x, 2), x)
    for gradient in GRADIENTS:
        held = pb.memory.saved(lambda: round_colors(x, 2, gradient=gradient))  # noqa: B023
        assert held.total == 0
        assert torch.equal(round_colors(x, 2, gradient=gradient), round_colors(x, 2))


def test_function_transforms() -> None:
    x = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    for gradient, slope in zip(GRADIENTS, (0, 1), strict=True):

        def rounded(x: torch.Tensor) -> torch.Tensor:
            return round_colors(x, 3, gradient=gradient)  # noqa: B023

        assert torch.equal(torch.func.vmap(rounded)(x), rounded(x))
        of_each = torch.func.vmap(torch.func.grad(lambda x: rounded(x).sum()))(x)
        assert torch.equal(of_each, torch.full_like(x, slope))


ROUND: Any = round_colors
X = torch.zeros(2)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ROUND(X, 0), ValueError, "got 0"),
        (lambda: ROUND(X, 17), ValueError, "got 17"),
        (lambda: ROUND(X, 2.0), TypeError, "2.0"),
        (lambda: ROUND(X, True), TypeError, "True"),
        (lambda: ROUND(X, 2, 1, 1), ValueError, "low=1"),
        (lambda: ROUND(X, 2, 1, 0), ValueError, "high=0"),
        (lambda: ROUND(X, 2, -math.inf), ValueError, "-inf"),
        (lambda: ROUND(X, 2, 0, "1"), TypeError, "'1'"),
        (lambda: ROUND(X, 2, gradient="zero"), ValueError, "'zero'"),
        (lambda: ROUND(X.int(), 2), TypeError, "int32"),
        (lambda: ROUND(0.5, 2), TypeError, "float"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert text in str(caught.value)
