"""A sparse spectrum as bits and values: bytes by formula, and values as they were."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from passband.packing.sparse import Store, bytes_of, kept_count, kept_of, packed, unpacked
from spectra import F32, F64, maps

SHAPES = [(1, 2, 1, 1), (3, 2, 2, 3), (13, 2, 4, 16), (5, 2, 1, 19), (34, 2, 3, 8)]
STORES: tuple[Store, ...] = ("exact", "bfloat16", "int8")
DTYPES = [F64, F32, torch.bfloat16]
DENSITIES = [0.0, 0.1, 0.5, 1.0]


def sparse(shape: tuple[int, ...], dtype: torch.dtype, density: float) -> tuple[Tensor, Tensor]:
    """A spectrum, and where it is not zero."""
    bins, _, N, C = shape
    kept = torch.rand(bins, N, C, generator=torch.Generator().manual_seed(1)) < density
    return maps(*shape, dtype=dtype) * kept.unsqueeze(1), kept


def in_bits(kept: Tensor) -> Tensor:
    """As numpy packs bits, the first in the lowest."""
    return torch.from_numpy(np.packbits(kept.numpy().reshape(-1), bitorder="little"))


def size(kept: int, dtype: torch.dtype, store: Store) -> int:
    """Bytes of the values: two numbers each, or a code each and two scales for 64 of them."""
    if store == "int8" and kept:
        groups = -(-2 * kept // 64)
        return groups * (64 + 2 * 2)
    return 2 * kept * (2 if store == "bfloat16" else dtype.itemsize)


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bytes_are_a_bit_for_each_and_the_values_of_those_kept(
    shape: tuple[int, ...], store: Store, dtype: torch.dtype, density: float
) -> None:
    y, kept = sparse(shape, dtype, density)
    mask = in_bits(kept)
    layout, tensors = packed(y, mask, store)
    assert tensors[0] is mask
    bins, _, N, C = shape
    assert mask.untyped_storage().nbytes() == -(-bins * N * C // 8)
    held = sum(t.untyped_storage().nbytes() for t in tensors[1:])
    assert held == size(int(kept.sum()), dtype, store)
    dense = layout.dense(*tensors)
    assert dense.dtype == dtype
    assert dense.shape == shape
    assert torch.count_nonzero(dense * ~kept.unsqueeze(1)) == 0
    if store == "exact":
        assert torch.equal(dense, y)
    elif store == "bfloat16":
        assert torch.equal(dense, y.bfloat16().to(dtype))
    else:  # a group of 64 reaches over all numbers at most, so 255 steps over that
        reach = float(y.max() - y.min())
        rounding = 0.005 * reach + (0.01 * reach if dtype == torch.bfloat16 else 0)
        assert (dense.double() - y.double()).abs().max() <= rounding + 1e-6


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_kept_values_lie_in_the_order_of_memory(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    y, kept = sparse(shape, dtype, 0.4)
    mask = in_bits(kept)
    assert torch.equal(bytes_of(mask, shape), kept)
    assert kept_count(mask, shape) == int(kept.sum())
    expected = torch.stack([y[:, part][kept] for part in (0, 1)])
    for to in (dtype, torch.bfloat16):
        assert torch.equal(kept_of(y, mask, to), expected.to(to))
    assert torch.equal(unpacked(mask, expected, shape, dtype), y)


def test_a_kept_coefficient_may_be_zero() -> None:
    y, kept = sparse((13, 2, 4, 16), F32, 0.5)
    y[:5] = 0
    layout, tensors = packed(y, in_bits(kept), "exact")
    assert tensors[1].shape == (2, int(kept.sum()))
    assert torch.equal(layout.dense(*tensors), y)


def test_the_same_values_have_the_same_codes() -> None:
    """A pass that is computed again, as by activation checkpointing, holds what the first held."""
    y, kept = sparse((13, 2, 4, 16), F32, 0.5)
    pairs = [packed(y, in_bits(kept), "int8") for _ in range(2)]
    (one, first), (other, second) = pairs
    assert one == other
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_no_coefficients_at_all() -> None:
    for store, dtype in itertools.product(STORES, DTYPES):
        y = torch.zeros(7, 2, 0, 3, dtype=dtype)
        layout, tensors = packed(y, torch.zeros(0, dtype=torch.uint8), store)
        assert layout.dense(*tensors).shape == y.shape


@pytest.mark.parametrize(("density", "most"), [(0.1, 0.15), (0.5, 0.55)])
def test_against_a_dense_map_of_float32(density: float, most: float) -> None:
    """Half the coefficients of a real map are another's conjugates: bits cost one in 64."""
    n, N, C = 32, 4, 16
    bins = (n * n + 4) // 2
    y, _ = sparse((bins, 2, N, C), F32, 1.0)
    count = round(density * bins * N * C)
    order = y.square().sum(1).flatten().argsort(descending=True)
    kept = torch.zeros(bins * N * C, dtype=torch.bool)
    kept[order[:count]] = True
    kept = kept.view(bins, N, C)
    y *= kept.unsqueeze(1)
    _, tensors = packed(y, in_bits(kept), "exact")
    found = sum(t.untyped_storage().nbytes() for t in tensors)
    assert found == -(-bins * N * C // 8) + 8 * count
    assert found <= most * 4 * n * n * N * C
