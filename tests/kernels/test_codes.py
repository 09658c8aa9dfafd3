"""Compiled codes against PyTorch's operations."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from passband.kernels import cpu as compiled
from passband.kernels import missing
from passband.kernels.cpu import library as loading
from passband.packing.codes import Bits, Codes, dequantised, quantised


def sample(count: int, dtype: torch.dtype, seed: int) -> Tensor:
    x = torch.randn(count, generator=torch.Generator().manual_seed(seed))
    x[: count // 3] = 0  # as behind a ReLU
    return x.to(dtype)


@pytest.fixture(params=loading._variants())
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing("cpu") is not None:
        pytest.skip("there are no compiled kernels")
    monkeypatch.setattr(loading, "_variants", lambda: (request.param,))
    library = loading._load.__wrapped__()
    monkeypatch.setattr(loading, "_load", lambda: library)
    if isinstance(library, str):
        pytest.skip(f"there is no _kernels_{request.param}.so")


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [1, 63, 64, 65, 5000, 64 * 1100 + 5])
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_as_pytorchs(
    bits: Bits, count: int, dtype: torch.dtype, add: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, base = sample(count, dtype, 1), sample(count, dtype, 2)
    under = base if add else None

    def run() -> tuple[Codes, Tensor]:
        found = quantised(x, bits, random.Random(3), under)
        return found, dequantised(found, bits, base.clone(), add=add)

    assert compiled.quantises(x)
    ours, out = run()
    monkeypatch.setattr(compiled, "quantises", lambda x: False)
    theirs, expected = run()
    if dtype == torch.float32:  # the difference of two bfloat16 is not rounded here, there it is
        assert torch.equal(ours.scales, theirs.scales)
        assert (ours.codes != theirs.codes).float().mean() < 1e-3  # by one, where sums are rounded
        assert (out - expected).abs().mean() < 1e-5
    assert ours.first == theirs.first
    step = theirs.scales[:, 1].float().repeat_interleave(64)[:count]
    assert ((out - expected).abs() <= 1.2 * step + 0.05).all()
    assert ((out - x).abs() <= 0.7 * step + 0.05).all()
