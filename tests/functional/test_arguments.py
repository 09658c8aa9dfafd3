"""What the arguments may be, where PyTorch's own convolutions allow it too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import passband as pb

BAND = pb.Band(keep=0.4)


def test_sizes_may_be_numpys() -> None:
    x, w = torch.ones(1, 2, 9, 9), torch.ones(3, 2, 3, 3)
    one = pb.functional.band_conv2d(x, w, padding=np.int64(1), stride=(np.int32(2), 2), band=BAND)  # type: ignore[arg-type]
    assert torch.equal(one, pb.functional.band_conv2d(x, w, padding=1, stride=2, band=BAND))
    pooled = pb.functional.spectral_pool2d(x, np.int64(4))  # type: ignore[arg-type]
    torch.testing.assert_close(pooled, torch.ones(1, 2, 4, 4))


@pytest.mark.parametrize("plan", ["auto", "fft", "dft", "spatial", "measure"])
def test_no_input_channels(plan: str) -> None:
    x, w = torch.ones(2, 0, 8, 8), torch.ones(4, 0, 3, 3)
    y = pb.functional.band_conv2d(x, w, padding=1, band=BAND, plan=plan)  # type: ignore[arg-type]
    assert torch.equal(y, F.conv2d(x, w, padding=1))


@pytest.mark.parametrize("where", ["meta", "cpu"])
def test_a_band_by_energy_says_that_it_needs_values_that_can_be_asked_for(where: str) -> None:
    band = pb.Band(energy=0.9, dynamic=True)
    layer = pb.nn.BandConv1d(2, 2, 3, band=band)
    layer, x = layer.to(where), torch.zeros(2, 1, 2, 9, device=where)
    run = torch.func.vmap(layer) if where == "cpu" else lambda x: layer(x[0])
    with pytest.raises(RuntimeError, match=r"chosen from the values of each batch.*calibrate_"):
        run(x)


def test_a_layers_plan_is_refused_for_what_forward_refuses() -> None:
    layer: Any = pb.nn.BandConv2d(3, 4, 3, keep=0.5)
    for bad, error in (
        ("a", TypeError),
        (torch.zeros(3), RuntimeError),
        (torch.zeros(1, 3, 8, 8, dtype=torch.float64), RuntimeError),
        (torch.zeros(1, 3, 8, 8, dtype=torch.int64), RuntimeError),
    ):
        for call in (layer.plan_for, layer):
            with pytest.raises(error, match=r"BandConv2d|band_conv2d"):
                call(bad)
