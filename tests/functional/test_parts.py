"""Bins multiplied part by part give what they give at once."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from passband import Band
from passband.functional import band_conv1d, band_conv2d, band_conv_transpose2d, filtering
from passband.functional.plan import Plan
from passband.transforms.fourier import Part

CASES = [
    (band_conv1d, (3, 4, 30), (6, 4, 5), {"padding": 2}),
    (band_conv2d, (3, 4, 12, 11), (6, 4, 3, 3), {"padding": 1}),
    (band_conv2d, (3, 4, 12, 11), (6, 2, 3, 3), {"groups": 2, "stride": 2}),
    (band_conv2d, (3, 4, 12, 11), (4, 1, 3, 3), {"groups": 4}),
    (band_conv_transpose2d, (3, 4, 6, 5), (4, 3, 3, 3), {"stride": 2}),
]


@pytest.mark.parametrize("keep", [0.2, 0.9])  # of the wide band the map is held, not the spectrum
@pytest.mark.parametrize(("form", "size", "taps", "options"), CASES)
def test_values_and_derivatives(
    form: Any, size: Any, taps: Any, options: dict[str, Any], keep: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    x = torch.randn(size, dtype=torch.float64, requires_grad=True)
    w = torch.randn(taps, dtype=torch.float64, requires_grad=True)

    def run() -> list[torch.Tensor]:
        y = form(x, w, band=Band(keep=keep), plan="dft", **options)
        first = torch.autograd.grad(y.square().sum(), (x, w), create_graph=True)
        second = torch.autograd.grad(torch.cat([g.flatten() for g in first]).square().sum(), (x, w))
        return [y, *first, *second]

    whole = run()
    monkeypatch.setattr(filtering, "_CACHED_BYTES", 200)
    seen: set[object] = set()
    spectra = filtering._spectra

    def watched(weight: torch.Tensor, plan: Plan, part: Part | None) -> torch.Tensor:
        seen.add(part)
        return spectra(weight, plan, part)

    monkeypatch.setattr(filtering, "_spectra", watched)
    parts = run()
    assert len(seen) > 2
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
