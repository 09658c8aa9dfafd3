"""Compiled max pooling: PyTorch's maxima, and where in their windows they lie."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.kernels import missing
from passband.kernels.cpu import library as loading
from passband.memory.pooling import _size, fits

Pair = tuple[int, int]
WINDOWS: dict[str, tuple[Pair, Pair, Pair, Pair, bool]] = {
    "2": ((2, 2), (2, 2), (0, 0), (1, 1), False),
    "2, rounded up": ((2, 2), (2, 2), (0, 0), (1, 1), True),
    "3, overlapping": ((3, 3), (2, 2), (1, 1), (1, 1), False),
    "3, overlapping, rounded up": ((3, 3), (2, 2), (1, 1), (1, 1), True),
    "every sample": ((3, 3), (1, 1), (1, 1), (1, 1), False),
    "one": ((1, 1), (1, 1), (0, 0), (1, 1), False),
    "with gaps": ((2, 3), (3, 4), (1, 1), (2, 1), False),
    "dilated, padded": ((3, 2), (1, 2), (1, 1), (2, 3), False),
    "large": ((5, 7), (3, 2), (2, 3), (1, 1), True),
    "of a row": ((1, 4), (1, 3), (0, 2), (1, 1), False),
}
SHAPES = [(2, 3, 11, 13), (1, 1, 8, 8), (3, 17, 7, 9), (2, 5, 9, 40)]
VARIANTS = loading._variants()

pytestmark = pytest.mark.skipif(
    not VARIANTS or missing("cpu") is not None, reason="there are no compiled kernels"
)


@pytest.fixture(params=VARIANTS, autouse=True)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_variants", lambda: (request.param,))
    found = loading._load.__wrapped__()
    if isinstance(found, str):
        pytest.skip(found)
    monkeypatch.setattr(loading, "_load", lambda: found)


def sample(shape: tuple[int, ...], dtype: torch.dtype, *, last: bool) -> Tensor:
    """Numbers of which many are equal, some infinite."""
    generator = torch.Generator().manual_seed(sum(shape))
    x = torch.randn(shape, generator=generator).mul(2).round().to(dtype)
    x[x == 3] = -math.inf
    x[x == 4] = math.inf
    return x.to(memory_format=torch.channels_last) if last else x


@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", WINDOWS)
def test_as_pytorch(
    name: str, shape: tuple[int, int, int, int], dtype: torch.dtype, last: bool
) -> None:
    window = WINDOWS[name]
    assert fits(window, shape[2:])
    x = sample(shape, dtype, last=last)
    expected, indices = torch.ops.aten.max_pool2d_with_indices(x, *window)
    y, place = compiled.pool(x, _size(shape[2:], window), window)
    assert torch.equal(y, expected)
    assert y.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    (_, width), step, padding, gap, _ = window
    row = torch.arange(y.shape[2])[:, None] * step[0] - padding[0] + place // width * gap[0]
    column = torch.arange(y.shape[3]) * step[1] - padding[1] + place % width * gap[1]
    assert torch.equal(row * shape[3] + column, indices)  # the first of equal ones

    grad = torch.randint(-4, 5, y.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    back = compiled.pool_back(grad, place, shape[2:], window)
    x.requires_grad_()
    F.max_pool2d(x, *window).backward(grad)
    assert torch.equal(back, x.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
def test_maps_of_nothing_but_the_smallest_and_of_no_numbers(last: bool) -> None:
    window = WINDOWS["3, overlapping"]
    x = torch.full((1, 2, 6, 6), -math.inf)
    x[0, 1, 2, 2] = math.nan
    x[0, 1, 3, 3] = 5.0
    x = x.to(memory_format=torch.channels_last) if last else x
    expected, indices = torch.ops.aten.max_pool2d_with_indices(x, *window)
    y, place = compiled.pool(x, (3, 3), window)
    torch.testing.assert_close(y, expected, rtol=0, atol=0, equal_nan=True)
    starts = 2 * torch.arange(3) - 1
    found = (starts[:, None] + place // 3) * 6 + starts + place % 3
    assert torch.equal(found, indices)


def test_maps_with_gaps_and_a_gradient_of_one_number() -> None:
    window = WINDOWS["2"]
    x = sample((4, 6, 8, 8), torch.float32, last=False)[::2, 1:5]
    y, place = compiled.pool(x, (4, 4), window)
    assert torch.equal(y, F.max_pool2d(x, 2))
    back = compiled.pool_back(torch.ones(()).expand(y.shape), place, (8, 8), window)
    assert back.sum() == y.numel()


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("name", WINDOWS)
def test_sizes_are_those_of_pytorch(name: str, n: int) -> None:
    window = WINDOWS[name]
    try:
        shape = F.max_pool2d(torch.zeros(1, n, n + 2), *window).shape
    except RuntimeError:
        assert not fits(window, (n, n + 2))
    else:
        assert _size((n, n + 2), window) == shape[1:]
