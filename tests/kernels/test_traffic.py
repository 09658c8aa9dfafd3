"""The table of bytes in the documentation of `passband.kernels`."""

from __future__ import annotations

from itertools import product

import pytest

from passband import Band
from passband.kernels import gpu as kernels
from passband.kernels.gpu.fourier import Layout
from passband.kernels.gpu.traffic import least, moved
from passband.transforms.fourier import Axis, Grid

RESNET50 = ((64, 56), (128, 28), (256, 14), (512, 7))
LAYOUTS: tuple[Layout, ...] = ("plain", "turned", "beside")
CASES = [(*layer, keep) for layer, keep in product(RESNET50, (0.5, 0.25))]


@pytest.mark.parametrize(("channels", "size", "keep"), CASES)
def test_table(channels: int, size: int, keep: float) -> None:
    modes = Band(keep=keep).resolve([size + 1] * 2)
    axes = tuple(Axis(size + 1, m, Grid(0, 1, size)) for m in modes)
    bytes_of = [least(128, channels, axes, axes, 2)]
    bytes_of += [moved(128, channels, axes, axes, 2, layout) for layout in LAYOUTS]
    row = [channels, f"{size}x{size}", keep, "x".join(map(str, modes))]
    line = " ".join(map(str, [*row, *(round(b / 1e6) for b in bytes_of)]))
    table = [" ".join(line.split()) for line in (kernels.__doc__ or "").splitlines()]
    assert line in table


def test_bytes_of_one_layer() -> None:
    axes = (Axis(9, 2, Grid(0, 1, 8)),)  # two bins
    assert least(3, 5, axes, axes, 4) == 3 * 5 * (8 + 8) * 4
    number = 2 * 2 * 4  # bytes of a map's spectrum
    expected = {"plain": (8, 1), "turned": (6, 1), "beside": (4, 2)}
    for layout in LAYOUTS:
        spectra, filters = expected[layout]
        more = spectra * number * 3 * 5 + 2 * filters * number * 5 * 5
        assert moved(3, 5, axes, axes, 4, layout) == 3 * 5 * 16 * 4 + more
