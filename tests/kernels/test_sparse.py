"""Sparse spectra, their activations and sums: the compiled ones against float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.kernels import missing
from passband.kernels.cpu import library as loading
from passband.kernels.cpu.sparse import ACTIVATIONS
from passband.packing.bits import packed, unpacked

VARIANTS = loading._variants()
SHAPES = [(1, 2, 1, 1), (3, 2, 5, 7), (13, 2, 4, 16), (613, 2, 3, 6), (45, 2, 8, 33)]
DTYPES = [torch.float32, torch.bfloat16]
ROUNDING = {torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8}  # relative
PAIRS = [*pairwise(ACTIVATIONS), ("arctan", "identity"), ("tanh", "tanh")]
ORACLES: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "tanh": torch.tanh,
    "softsign": lambda x: torch.where(x.isinf(), x.sign(), x / (1 + x.abs())),
    "hardtanh": lambda x: x.clamp(-1, 1),
    "softshrink": lambda x: x - x.clamp(-0.5, 0.5).where(~x.isinf(), x.sign() / 2),
    "relu": torch.relu,
    "arctan": torch.arctan,
}
NUMBERS = [-math.inf, math.nan, -30.0, -0.5, -0.0, 0.0, 1e-38, 1e-45, 0.5, 1.0, 9.0, 1e38, math.inf]


def sample(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def bits_of(shape: tuple[int, ...], share: float) -> Tensor:
    bins, _, N, C = shape
    return torch.rand(bins, N, C, generator=torch.Generator().manual_seed(1)) < share


def applied(z: Tensor, activation: tuple[str, str]) -> Tensor:
    return torch.stack([ORACLES[n](p) for n, p in zip(activation, z.unbind(1), strict=True)], 1)


def close(found: Tensor, expected: Tensor, dtype: torch.dtype, error: float = 0.0) -> None:
    """Up to an absolute error and one rounding."""
    torch.testing.assert_close(
        found.double(), expected, rtol=2 * ROUNDING[dtype], atol=error + 2e-45, equal_nan=True
    )


@pytest.fixture(params=VARIANTS, autouse=True)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing("cpu") is not None:
        pytest.skip(str(missing("cpu")))
    monkeypatch.setattr(loading, "_variants", lambda: (request.param,))
    library = loading._load.__wrapped__()
    monkeypatch.setattr(loading, "_load", lambda: library)
    if isinstance(library, str):
        pytest.skip(f"there is no _kernels_{request.param}.so")


@contextmanager
def two_threads() -> Iterator[None]:
    """Other tests run on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", PAIRS)
@pytest.mark.parametrize("beta", [0.0, 0.5, 1e30])
@pytest.mark.parametrize("scaled", [False, True])
def test_settle(
    shape: tuple[int, ...], dtype: torch.dtype, activation: tuple[str, str], beta: float,
    scaled: bool,
) -> None:  # fmt: skip
    z = sample(shape, dtype)
    v, scale, shift = z.double(), None, None
    if scaled:
        scale, shift = sample(shape[-1:], torch.float32, 1), sample(shape[-1:], torch.float32, 2)
        v = v * scale.double()
        v[0, 0] += shift.double()
    y, mask = compiled.settle(z, scale, shift, beta, activation)
    kept = unpacked(mask, (shape[0], *shape[2:]), v[:, 0].contiguous().stride())
    power = v.square().sum(1)
    near = (power - beta**2).abs() < 1e-5 * beta**2
    assert torch.equal(kept | near, (power >= beta**2) | near)
    assert torch.equal(mask, packed(kept))  # no bits beyond the last
    expected = applied(v, activation) * kept[:, None]
    close(y, expected, dtype, 6e-7 if scaled else 2e-7)
    with two_threads():
        again = compiled.settle(z, scale, shift, beta, activation)
    assert torch.equal(again[0], y)
    assert torch.equal(again[1], mask)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("beta", [0.0, 0.75, 1e30])
def test_special_numbers(activation: str, beta: float, dtype: torch.dtype) -> None:
    numbers = torch.tensor(NUMBERS)
    z = torch.cartesian_prod(numbers, numbers).T.reshape(1, 2, -1, 1).contiguous().to(dtype)
    y, mask = compiled.settle(z, None, None, beta, (activation, activation))
    power = z.float().square().sum(1)
    kept = ~(power < torch.tensor(beta) ** 2)
    assert torch.equal(mask, packed(kept))
    assert torch.equal(kept[0, :, 0], unpacked(mask, kept[0, :, 0].shape, (1,)))
    expected = torch.where(kept[:, None], applied(z.double(), (activation,) * 2), 0.0)
    close(y, expected, dtype, 5e-7)
    assert not y.isnan()[~z.isnan()].any()


@pytest.mark.parametrize(("name", "error"), [("tanh", 2e-7), ("arctan", 2e-7), ("softsign", 1e-7)])
def test_activations_are_exact(name: str, error: float) -> None:
    x = torch.cat([torch.linspace(-12, 12, 200_001), torch.logspace(-30, 30, 100_000)])
    z = x.reshape(1, 1, -1, 1).repeat(1, 2, 1, 1)
    y = compiled.settle(z, None, None, 0.0, (name, name))[0]
    exact = applied(z.double(), (name, name))
    assert (y.double() - exact).abs().max() < error
    torch.testing.assert_close(y.double(), exact, rtol=4e-7, atol=0)
    odd = compiled.settle(-z, None, None, 0.0, (name, name))[0]
    assert torch.equal(odd, -y)
    assert y.abs().max() <= (torch.tensor(math.pi / 2) if name == "arctan" else 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("to", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_pack_there_and_back(
    shape: tuple[int, ...], dtype: torch.dtype, to: torch.dtype, share: float
) -> None:
    y, kept = sample(shape, dtype), bits_of(shape, share)
    mask = packed(kept)
    assert compiled.kept(mask, kept.numel()) == kept.sum()
    values = compiled.pack(y, mask, to)
    expected = torch.stack([y[:, 0][kept], y[:, 1][kept]]).to(to)
    assert values.dtype == to
    assert torch.equal(values, expected)
    dense = compiled.unpack(mask, values, shape, dtype)
    assert dense.dtype == dtype
    assert torch.equal(dense, torch.where(kept[:, None], y.to(to).to(dtype), 0.0))
    with two_threads():
        assert torch.equal(compiled.pack(y, mask, to), values)
        assert torch.equal(compiled.unpack(mask, values, shape, dtype), dense)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 63, 64, 65, 8191, 8193, 20000])
def test_kept_counts_no_further(count: int) -> None:
    bits = torch.rand(20000, generator=torch.Generator().manual_seed(2)) < 0.4
    assert compiled.kept(packed(bits), count) == bits[:count].sum()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("of", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", PAIRS)
def test_settle_back(
    shape: tuple[int, ...], dtype: torch.dtype, of: torch.dtype, activation: tuple[str, str]
) -> None:
    kept = bits_of(shape, 0.6)
    z = (1.5 * sample(shape, torch.float32)).double().requires_grad_()
    y, grad = applied(z, activation), sample(shape, dtype, 3)
    grad[~kept[:, None].expand(shape)] = math.nan
    values = compiled.pack(y.detach().float(), packed(kept), of)
    found = compiled.settle_back(grad, packed(kept), values, activation)
    assert found.dtype == dtype
    if of == torch.float32:
        (slopes,) = torch.autograd.grad(y.sum(), z)
        exact = torch.where(kept[:, None], grad.double() * slopes, 0.0)
        close(found, exact, dtype, 2e-6)
    dense = compiled.unpack(packed(kept), values, shape, torch.float32).double()
    slopes = torch.stack(
        [slope_at(p, n) for n, p in zip(activation, dense.unbind(1), strict=True)], 1
    )
    exact = torch.where(kept[:, None], grad.double() * slopes, 0.0)
    close(found, exact, dtype, 1e-6)
    with two_threads():
        assert torch.equal(compiled.settle_back(grad, packed(kept), values, activation), found)


def slope_at(y: Tensor, name: str) -> Tensor:
    """What is defined as the slope where an activation has the value y, in float64."""
    return {
        "identity": torch.ones_like(y),
        "tanh": 1 - y**2,
        "softsign": (1 - y.abs()) ** 2,
        "hardtanh": (y.abs() < 1).double(),
        "softshrink": (y != 0).double(),
        "relu": (y > 0).double(),
        "arctan": y.cos() ** 2,
    }[name]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_differences(name: str) -> None:
    x = torch.linspace(-8, 8, 1600, dtype=torch.float64)  # between all kinks
    h = 1e-4
    differences = (ORACLES[name](x + h) - ORACLES[name](x - h)) / (2 * h)
    y = ORACLES[name](x).float().reshape(1, 1, -1, 1).repeat(1, 2, 1, 1)
    mask = packed(torch.ones(x.numel(), dtype=torch.bool))
    found = compiled.settle_back(torch.ones_like(y), mask, y.reshape(2, -1), (name, name))
    torch.testing.assert_close(found[0, 0, :, 0].double(), differences, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_select(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = sample(shape, dtype)
    kept = sample(shape, torch.float32, 4)[:, 0] > 0
    found = compiled.select(x, packed(kept))
    assert torch.equal(found, torch.where(kept.unsqueeze(1), x, torch.zeros_like(x)))
    with two_threads():
        assert torch.equal(compiled.select(x, packed(kept)), found)


def test_as_many_values_as_bits() -> None:
    shape = (3, 2, 5, 7)
    mask = packed(bits_of(shape, 0.5))
    values = compiled.pack(sample(shape, torch.float32), mask)
    for wrong in (values[:, 1:].contiguous(), F.pad(values, (0, 1))):
        with pytest.raises(ValueError, match="not as many bits"):
            compiled.unpack(mask, wrong, shape, torch.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("own", [1, 2, 4])
@pytest.mark.parametrize("shape", [*SHAPES, (700, 2, 3, 5), (5, 2, 7, 300), (9, 2, 900, 1)])
def test_sums(shape: tuple[int, ...], own: int, dtype: torch.dtype) -> None:
    own = min(own, shape[0])
    g, z = sample(shape, dtype, 4), sample(shape, dtype)
    weight = torch.full((shape[0], 1, 1, 1), 2.0, dtype=torch.float64)
    weight[:own] = 1
    squares = compiled.energy(z, own)
    exact = (weight * z.double() ** 2).sum((0, 1, 2))
    torch.testing.assert_close(squares.double(), exact, rtol=1e-6, atol=0)
    products = compiled.dot(g, z)
    exact, size = ((t(g.double() * z.double())).sum((0, 1, 2)) for t in (lambda x: x, torch.abs))
    assert ((products.double() - exact).abs() <= 1e-6 * size).all()
    with two_threads():
        again = compiled.energy(z, own), compiled.dot(g, z)
    assert all(map(torch.equal, again, (squares, products)))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1.7])
def test_sums_of_many_terms(value: float) -> None:
    z = torch.full((50, 2, 50_000, 2), value)  # 10 million, which all round alike
    exact = z[0, 0, 0].double() ** 2 * 100 * 50_000
    torch.testing.assert_close(compiled.dot(z, z).double(), exact, rtol=1e-6, atol=0)
    torch.testing.assert_close(compiled.energy(z, 50).double(), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("own", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_combine(shape: tuple[int, ...], own: int, dtype: torch.dtype) -> None:
    own = min(own, shape[0])
    g, z = sample(shape, dtype, 4), sample(shape, dtype)
    a, b, c = (sample(shape[-1:], torch.float32, seed) for seed in (5, 6, 7))
    weight = torch.full((shape[0], 1, 1, 1), 2.0, dtype=torch.float64)
    weight[:own] = 1
    exact = a.double() * g.double() + b.double() * weight * z.double()
    exact[0, 0] += c.double()
    again = g.clone()
    with two_threads():
        compiled.combine_(again, z, own, a, b, c)
    assert compiled.combine_(g, z, own, a, b, c) is g
    close(g, exact, dtype, 2e-6)
    assert torch.equal(again, g)


def test_only_whole_spectra_are_taken() -> None:
    z = sample((4, 2, 3, 6), torch.float32)
    assert compiled.settles(z, ("tanh", "relu"))
    assert compiled.settles(z.bfloat16(), ("tanh", "relu"))
    assert not compiled.settles(z, ("tanh", "gelu"))
    assert not compiled.settles(z[:, :, ::2], ("tanh", "relu"))
    assert not compiled.settles(z.double(), ("tanh", "relu"))
    assert not compiled.settles(z[:0], ("tanh", "relu"))
    assert not compiled.settles(z.to("meta"), ("tanh", "relu"))
