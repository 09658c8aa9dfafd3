"""Masks of one bit for each element: the compiled ones, PyTorch's, and what they stand for."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.kernels import missing
from passband.kernels.cpu import library as loading
from passband.packing.bits import packed, unpacked

VARIANTS = loading._variants()
NUMBERS = [-math.inf, -6.0, -1.0, -0.0, 0.0, 1e-38, 1.0, 6.0, 7.0, math.inf, math.nan]
BOUNDS = [(0.0, math.inf, 0.0), (0.0, math.inf, 0.2), (0.0, 6.0, 0.0), (-1.0, 1.0, 0.0)]


def sample(count: int, dtype: torch.dtype = torch.float32) -> Tensor:
    x = 4 * torch.randn(count, generator=torch.Generator().manual_seed(count))
    x[: len(NUMBERS)] = torch.tensor(NUMBERS)[:count]
    return x.to(dtype)


def room(x: Tensor) -> Tensor:
    return torch.empty(-(-x.numel() // 8), dtype=torch.uint8)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 63, 1000])
def test_bits_there_and_back(count: int) -> None:
    mask = sample(count) > 0
    bits = packed(mask)
    assert bits.tolist() == [
        sum(int(m) << i for i, m in enumerate(mask[at : at + 8])) for at in range(0, count, 8)
    ]
    assert torch.equal(unpacked(bits, mask.shape, mask.stride()), mask)


def test_bits_lie_as_the_mask_does() -> None:
    mask = (torch.randn(2, 5, 3, 4) > 0).to(memory_format=torch.channels_last)
    back = unpacked(packed(mask), mask.shape, mask.stride())
    assert torch.equal(back, mask)
    assert back.stride() == mask.stride()


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _loaded(request.param, monkeypatch)
    if not found:
        pytest.skip(f"there is no _kernels_{request.param}.so")


def _loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    if missing("cpu") is not None:
        return False
    monkeypatch.setattr(loading, "_variants", lambda: (name,))
    library = loading._load.__wrapped__()
    monkeypatch.setattr(loading, "_load", lambda: library)
    return not isinstance(library, str)


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("count", [1, 5, 8, 17, 100, 70000])
def test_compiled_masks(count: int, bounds: tuple[float, float, float], dtype: torch.dtype) -> None:
    low, high, slope = bounds
    x = sample(count, dtype)
    expected = (x <= low) | (x >= high) if high < math.inf else x <= low
    to = torch.empty_like(x) if high == math.inf else None
    bits = room(x)
    compiled.mask(x, bits, low, high, to, slope)
    assert torch.equal(bits, packed(expected))
    bent = torch.where(expected, x * slope if slope else 0.0, x)
    torch.testing.assert_close(
        compiled.masked(x, bits, slope), bent, rtol=0, atol=0, equal_nan=True
    )
    if to is not None:
        torch.testing.assert_close(to, bent, rtol=0, atol=0, equal_nan=True)
        again = room(x)
        compiled.mask(x, again, low, high, x, slope)  # in place
        assert torch.equal(again, bits)
        torch.testing.assert_close(x, bent, rtol=0, atol=0, equal_nan=True)


@pytest.mark.skipif(missing("cpu") is not None, reason=str(missing("cpu")))
def test_relu_is_relu() -> None:
    x = sample(999)
    y = torch.empty_like(x)
    compiled.mask(x, room(x), 0.0, math.inf, y, 0.0)
    torch.testing.assert_close(y, F.relu(x), rtol=0, atol=0, equal_nan=True)


@pytest.mark.skipif(missing("cpu") is not None, reason=str(missing("cpu")))
def test_only_tensors_without_gaps_are_taken() -> None:
    x = torch.randn(4, 6, 3, 5)
    assert compiled.masks(x)
    assert compiled.masks(x.to(memory_format=torch.channels_last))
    assert compiled.masks(x.permute(3, 1, 0, 2))
    assert not compiled.masks(x[:, ::2])
    assert not compiled.masks(x.double())
    assert not compiled.masks(x[:0])
    assert not compiled.masks(x[:1].expand_as(x))
