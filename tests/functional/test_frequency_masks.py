"""Masks of frequencies against numpy: which bins pass, what comes out, and what backward does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

import passband as pb
from passband.functional import frequency_mask, mask_frequencies

F64 = torch.float64
SPACES = [(1,), (2,), (7,), (8,), (6, 6), (5, 7), (8, 5), (28, 28), (1, 9), (4, 5, 6), (3, 3, 3)]
GRADIENTS: tuple[Any, ...] = ("true", "identity")
KEEPS = [1e-6, 0.1, 0.25, 0.5, 0.75, 0.99, 1]
EDGES: list[dict[str, Any]] = [
    {},
    {"edge": "linear", "width": 0.3},
    {"edge": "exponential", "width": 0.2},
]


def distances(space: tuple[int, ...], shape: str) -> npt.NDArray[np.float64]:
    """By signed frequencies, in units of Nyquist."""
    grid = np.meshgrid(*(2 * np.abs(np.fft.fftfreq(n)) for n in space), indexing="ij")
    if shape == "square":
        return np.asarray(np.max(np.stack(grid), 0))
    return np.asarray(np.sqrt(np.round(np.sum(np.square(np.stack(grid)), 0), 12)))


def by_search(
    space: tuple[int, ...], keep: float, shape: str, high: bool
) -> npt.NDArray[np.float64]:
    """Every radius there is, tried one after the other."""
    d = distances(space, shape).round(9)
    radii = np.unique(d)
    passing = [d >= r if high else d <= r for r in (radii if high else radii[::-1])]
    fitting = [p for p in passing if p.sum() <= keep * p.size + 1e-9]
    return np.asarray(fitting[0] if fitting else passing[-1], np.float64)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("high", [False, True])
@pytest.mark.parametrize("shape", ["disk", "square"])
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_the_radius_is_the_largest_whose_bins_are_no_more_than_asked_for(
    space: tuple[int, ...], shape: Any, high: bool
) -> None:
    for keep in KEEPS:
        found = frequency_mask(space, keep, shape, high=high, dtype=F64)
        np.testing.assert_array_equal(found.numpy(), by_search(space, keep, shape, high))


def test_masks_by_hand() -> None:
    # 9 of 25 bins: the square |k| <= 1; a disk of 9 has the corners of it last
    square = frequency_mask((5, 5), 9 / 25, "square")
    assert square.sum() == 9
    assert torch.fft.fftshift(square)[1:4, 1:4].sum() == 9
    plus = frequency_mask((5, 5), 8 / 25, "disk")  # the mean and its four neighbours
    assert torch.fft.fftshift(plus)[1:4, 1:4].tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    # of even sizes the Nyquist corner is alone at the far end, of odd ones it is four bins
    assert frequency_mask((4, 4), 1e-9, high=True).nonzero().tolist() == [[2, 2]]
    assert frequency_mask((5, 5), 1e-9, high=True).nonzero().tolist() == [
        [2, 2], [2, 3], [3, 2], [3, 3],
    ]  # fmt: skip
    # a share that is a whole number of bins, whatever its rounding
    for bins in range(1, 50, 2):
        assert frequency_mask((49,), bins / 49).sum() == bins


def test_frequencies_are_those_of_each_axis() -> None:
    # the same Nyquist on an axis of 8 and one of 16 samples: the square is half as wide on one
    mask = frequency_mask((8, 16), 5 * 9 / 128, "square")
    rows, columns = mask.amax(1), mask.amax(0)
    assert rows.sum() == 5
    assert columns.sum() == 9
    assert mask.sum() == 45


@pytest.mark.parametrize("shape", ["disk", "square"])
@pytest.mark.parametrize("high", [False, True])
def test_soft_edges_follow_their_formulas(high: bool, shape: Any) -> None:
    for space in [(16,), (9, 12), (5, 6, 4)]:
        hard = by_search(space, 0.3, shape, high).astype(bool)
        d = distances(space, shape)
        s = (d[hard].min() - d if high else d - d[hard].max()).clip(min=0)
        formulas: dict[Any, Any] = {
            "linear": np.clip(1 - s / 0.4, 0, None),
            "exponential": np.exp(-s / 0.4),
        }
        for edge, formula in formulas.items():
            found = frequency_mask(space, 0.3, shape, high=high, edge=edge, width=0.4, dtype=F64)
            np.testing.assert_allclose(found.numpy(), formula, rtol=0, atol=1e-11)
            assert (found.numpy()[hard] == 1).all()


@pytest.mark.parametrize("edge", EDGES, ids=str)
@pytest.mark.parametrize("high", [False, True])
@pytest.mark.parametrize("shape", ["disk", "square"])
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_mask_treats_a_frequency_and_its_mirror_alike(
    space: tuple[int, ...], shape: Any, high: bool, edge: dict[str, Any]
) -> None:
    axes = tuple(range(len(space)))
    mask = frequency_mask(space, 0.4, shape, high=high, dtype=F64, **edge)
    mirrored = mask.flip(axes).roll((1,) * len(space), axes)
    assert torch.equal(mask, mirrored)
    half = frequency_mask(space, 0.4, shape, high=high, half=True, dtype=F64, **edge)
    assert torch.equal(half, mask[..., : space[-1] // 2 + 1])
    # so the inverse of the masked full spectrum has no imaginary part
    x = noise(2, 3, *space)
    full = np.fft.ifftn(np.fft.fftn(x.numpy(), axes=tuple(a + 2 for a in axes)) * mask.numpy(),
                        axes=tuple(a + 2 for a in axes))  # fmt: skip
    assert np.abs(full.imag).max() < 1e-15 * max(1, np.abs(full).max()) * math.prod(space)
    found = mask_frequencies(x, 0.4, shape, high=high, **edge)
    np.testing.assert_allclose(found.numpy(), full.real, rtol=0, atol=1e-14)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_outside_is_zero_and_inside_is_untouched(space: tuple[int, ...]) -> None:
    axes = tuple(range(2, 2 + len(space)))
    x = noise(2, 3, *space)
    for high in (False, True):
        mask = frequency_mask(space, 0.5, high=high, dtype=F64).bool().numpy()
        before, after = (
            np.fft.fftn(y.numpy(), axes=axes) for y in (x, mask_frequencies(x, 0.5, high=high))
        )
        size = np.linalg.norm(before)
        assert np.linalg.norm(after[:, :, ~mask]) <= 1e-15 * size
        assert np.linalg.norm((after - before)[:, :, mask]) <= 1e-15 * size


@pytest.mark.parametrize("space", [(9,), (8,), (6, 7), (3, 4, 5)], ids=str)
def test_a_mask_is_a_projection_and_its_own_adjoint(space: tuple[int, ...]) -> None:
    x, y = noise(2, 3, *space), noise(2, 3, *space, seed=1)
    for high in (False, True):
        once = mask_frequencies(x, 0.4, high=high)
        torch.testing.assert_close(mask_frequencies(once, 0.4, high=high), once)
        for edge in EDGES:
            mx, my = (mask_frequencies(z, 0.4, high=high, **edge) for z in (x, y))
            torch.testing.assert_close((mx * y).sum(), (x * my).sum())
    low = mask_frequencies(x, 0.4)
    high_part = x - low
    torch.testing.assert_close((low * high_part).sum(), torch.zeros((), dtype=F64))


@pytest.mark.parametrize("edge", EDGES, ids=str)
@pytest.mark.parametrize("space", [(6,), (4, 5), (2, 3, 4)], ids=str)
def test_gradients(space: tuple[int, ...], edge: dict[str, Any]) -> None:
    x = noise(1, 2, *space).requires_grad_()
    y = noise(1, 2, *space, seed=1)

    def masked(x: Tensor) -> Tensor:
        return mask_frequencies(x, 0.4, **edge)

    assert torch.autograd.gradcheck(masked, x)
    assert torch.autograd.gradgradcheck(masked, x)
    (true,) = torch.autograd.grad(masked(x), x, y)
    torch.testing.assert_close(true, masked(y))
    through = mask_frequencies(x, 0.4, **edge, gradient="identity")
    assert torch.equal(through, masked(x))
    (back,) = torch.autograd.grad(through, x, y)
    assert torch.equal(back, y)


def test_the_identity_has_a_second_derivative_too() -> None:
    # d/dx of m(x)², taken for 2 m(x), and of that by x again: 2 each, as of the identity's square
    x = noise(1, 1, 6).requires_grad_()
    y = mask_frequencies(x, 0.4, gradient="identity")
    (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    torch.testing.assert_close(first, 2 * y)
    (second,) = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(second, torch.full_like(x, 2))


def test_function_transforms() -> None:
    x = noise(3, 2, 6, 5)
    for gradient in GRADIENTS:

        def masked(x: Tensor) -> Tensor:
            return mask_frequencies(x, 0.4, dims=2, gradient=gradient)  # noqa: B023

        torch.testing.assert_close(torch.func.vmap(masked)(x), masked(x))
        loss = torch.func.grad(lambda x: masked(x).square().sum())
        expected = 2 * masked(x)
        torch.testing.assert_close(torch.func.vmap(loss)(x), expected)


def test_nothing_is_held_for_backward() -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    for gradient in GRADIENTS:
        held = pb.memory.saved(lambda: mask_frequencies(x, 0.4, gradient=gradient))  # noqa: B023
        assert held.total == 0


def test_all_bins_are_the_map_itself_bit_by_bit() -> None:
    x = torch.randn(2, 3, 9, 8)
    choices: list[dict[str, Any]] = [{}, {"high": True}, {"shape": "square"}, EDGES[1]]
    for options in choices:
        found = mask_frequencies(x, 1, **options)
        assert torch.equal(found, x)
        assert found.data_ptr() != x.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_dtypes_in_are_dtypes_out(dtype: torch.dtype) -> None:
    x = noise(2, 3, 9, 8).to(dtype)
    exact = mask_frequencies(x.double(), 0.3)
    with torch.autocast("cpu", torch.bfloat16):
        scoped = mask_frequencies(x, 0.3)
    for found in (mask_frequencies(x, 0.3), scoped):
        assert found.dtype == dtype
        eps = max(torch.finfo(dtype).eps, 1e-6)
        torch.testing.assert_close(found.double(), exact, rtol=eps, atol=1e-6)
    assert frequency_mask((4,), 0.5, dtype=dtype).dtype == dtype


def test_some_axes_no_samples_in_the_batch_and_other_layouts() -> None:
    x = noise(2, 3, 6, 5)
    by_rows = mask_frequencies(x, 0.4, dims=1)
    torch.testing.assert_close(by_rows[1, 2, 3], mask_frequencies(x[1, 2, 3], 0.4, dims=1))
    torch.testing.assert_close(mask_frequencies(x[0], 0.4, dims=2), mask_frequencies(x, 0.4)[0])
    assert mask_frequencies(x[:0], 0.4).shape == (0, 3, 6, 5)
    last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(mask_frequencies(last, 0.4), mask_frequencies(x, 0.4))
    assert mask_frequencies(x.to("meta"), 0.4).shape == x.shape


MASK: Any = frequency_mask
MASKED: Any = mask_frequencies
X = torch.zeros(1, 1, 4, 4)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: MASK((4,), 0), ValueError, "(0, 1]; got 0"),
        (lambda: MASK((4,), 1.5), ValueError, "1.5"),
        (lambda: MASK((4,), math.nan), ValueError, "nan"),
        (lambda: MASK((4,), "half"), TypeError, "'half'"),
        (lambda: MASK((4,), True), TypeError, "True"),
        (lambda: MASK((4,), 0.5, "ring"), ValueError, "'ring'"),
        (lambda: MASK((4,), 0.5, edge="log"), ValueError, "'log'"),
        (lambda: MASK((4,), 0.5, width=0.1), ValueError, "width=0.1"),
        (lambda: MASK((4,), 0.5, edge="linear"), ValueError, "None"),
        (lambda: MASK((4,), 0.5, edge="linear", width=0), ValueError, "got 0"),
        (lambda: MASK((4,), 0.5, edge="linear", width="wide"), TypeError, "'wide'"),
        (lambda: MASK((4,), 0.5, edge="linear", width=math.inf), ValueError, "inf"),
        (lambda: MASK((4,), 0.5, high=1), TypeError, "got 1"),
        (lambda: MASK((4,), 0.5, half="yes"), TypeError, "'yes'"),
        (lambda: MASK((), 0.5), ValueError, "()"),
        (lambda: MASK((4, 0), 0.5), ValueError, "(4, 0)"),
        (lambda: MASK((4, 2.0), 0.5), TypeError, "2.0"),
        (lambda: MASKED(X, 2), ValueError, "got 2"),
        (lambda: MASKED(X.int(), 0.5), TypeError, "int32"),
        (lambda: MASKED([1.0], 0.5), TypeError, "list"),
        (lambda: MASKED(X, 0.5, gradient="none"), ValueError, "'none'"),
        (lambda: MASKED(X, 0.5, dims=0), ValueError, "got 0"),
        (lambda: MASKED(X, 0.5, dims=1.0), TypeError, "1.0"),
        (lambda: MASKED(X[0, 0], 0.5), RuntimeError, "(4, 4)"),
        (lambda: MASKED(X[..., :0], 0.5), RuntimeError, "(1, 1, 4, 0)"),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert text in str(caught.value)
