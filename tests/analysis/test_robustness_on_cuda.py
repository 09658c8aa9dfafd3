"""Masks, colour depth, noise, heat maps and accuracies on a CUDA device, beside the CPU."""

from __future__ import annotations

import math

import torch

import passband as pb
from on_cuda import CUDA, beside, only_on_cuda
from passband.lab.models import create_model

pytestmark = only_on_cuda


def test_functions_are_those_of_the_cpu() -> None:
    for space in [(9,), (8, 7), (4, 5, 6)]:
        x = torch.randn(2, 3, *space, dtype=torch.float64)
        for layer in (pb.nn.FrequencyMask(0.3), pb.nn.ColorDepth(3, -1, 1)):
            torch.testing.assert_close(layer(x.to(CUDA)).cpu(), layer(x))
        assert pb.functional.frequency_mask(space, 0.3, device=CUDA).is_cuda
        half = x.half().to(CUDA)
        torch.testing.assert_close(
            pb.functional.mask_frequencies(half, 0.3).cpu().double(),
            pb.functional.mask_frequencies(half.cpu().double(), 0.3),
            rtol=1e-3,
            atol=1e-6,
        )
    generator = torch.Generator(CUDA).manual_seed(0)
    for kind in ("gaussian", "uniform", "laplace"):
        channel = pb.nn.NoiseChannel(0.5, kind, generator=generator)
        noise = channel(torch.zeros(100_000, device=CUDA))
        assert noise.is_cuda
        assert abs(noise.std().item() - 0.5) < 4 * 0.5 * math.sqrt(5 / 4 / 100_000)


def test_heat_map_and_accuracies_are_those_of_the_cpu() -> None:
    torch.manual_seed(0)
    model = create_model("lenet5", num_classes=10, in_channels=1, image_size=28).double()
    x, y = torch.rand(8, 1, 28, 28, dtype=torch.float64), torch.randint(10, (8,))
    there, batch = beside(model), (x.to(CUDA), y.to(CUDA))
    found = pb.analysis.fourier_heatmap(there, [batch], norm=5)
    expected = pb.analysis.fourier_heatmap(model, [(x, y)], norm=5)
    assert torch.equal(found.error, expected.error)
    keeps = [0.05, 0.3, 1]
    assert pb.analysis.band_accuracy(there, [batch], keeps) == pb.analysis.band_accuracy(
        model, [(x, y)], keeps
    )
