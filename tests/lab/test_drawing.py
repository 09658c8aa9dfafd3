"""Drawings: everything that is written lies on the paper."""

from __future__ import annotations

import re

import pytest
from matplotlib.axes import Axes

from passband.lab.drawing import svg

HALF = 5.0  # of a line of ten points, in points


@pytest.mark.parametrize("top", [0.9, 1.5, 3.2, 12.0, 150.0])
def test_a_rotated_label_is_whole(top: float) -> None:
    """Its place depends on the numbers at the axis, and these on how much room the axis has."""

    def paint(axes: Axes) -> None:
        axes.plot([0.5, 1.5], [1.2 / 3.2 * top, top])
        axes.set(title="Error", xlabel="beta", ylabel="error ÷ plain's")
        axes.set_ylim(bottom=0)
        axes.plot([], [], label="one")
        axes.plot([], [], label="other")
        axes.plot([], [], label="third")
        axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))

    drawn = svg("drawn", paint)
    (x,) = re.findall(r'rotate\(-90 ([\d.-]+) [\d.-]+\)">error', drawn)
    assert float(x) >= HALF
