"""PyTorch's own checks of operators, for each that the library registers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import passband as pb

NEAR: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}
OPERATORS: Any = torch.ops.passband


def test_these_are_all() -> None:
    assert pb.__version__  # the library is there, and its operators with it
    names = torch._C._dispatch_get_all_op_names()
    found = {n.partition(".")[0] for n in names if n.startswith("passband::")}
    checked = {"band_conv", "convolve", "convolve_backward", "resample"}
    assert found == {f"passband::{name}" for name in checked}


@pytest.mark.parametrize("way", ["auto", "fft", "dft", "spatial"])
@pytest.mark.parametrize("energy", [None, 0.9])
def test_convolutions(way: str, energy: float | None) -> None:
    torch.manual_seed(0)
    x, w = (torch.randn(s, requires_grad=True) for s in ((2, 3, 9, 9), (4, 3, 3, 3)))
    b = torch.randn(4, requires_grad=True)
    keep = [0.3] if energy is None else None
    given = ([1, 1], [1, 1, 1, 1], [1, 1], 1, [0, 0], False, "zeros", "sample")
    stated = (*given, keep, None, None, energy, energy is not None, "minimal", way)
    torch.library.opcheck(OPERATORS.band_conv.default, (x, w, b, *stated), **NEAR)
    how = (*stated, 2, False)
    torch.library.opcheck(OPERATORS.convolve.default, (x, w, b, *how, True), **NEAR)
    y, held = OPERATORS.convolve(x, w, b, *how, True)
    fixed = (t.detach() for t in (y, held if energy is None else x, w, b))
    wanted = (list(x.shape), [True, True, True])
    torch.library.opcheck(OPERATORS.convolve_backward.default, (*fixed, *how, *wanted), **NEAR)


def test_resampling() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 9, 8, requires_grad=True)
    torch.library.opcheck(OPERATORS.resample.default, (maps, [9, 8], [4, 5], False, False), **NEAR)
