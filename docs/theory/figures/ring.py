"""Why one more sample is enough for padding at both ends."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

SAMPLES, LENGTH = 8, 9


def draw() -> Figure:
    """Samples on a ring, and the taps of the first and of the last output."""
    figure, axes = plt.subplots(figsize=(5, 4.2))
    ink = plt.rcParams["text.color"]

    def at(position: float, radius: float) -> tuple[float, float]:
        angle = np.pi / 2 - 2 * np.pi * (position + 0.5) / LENGTH
        return radius * np.cos(angle), radius * np.sin(angle)

    for position in range(LENGTH):
        zero = position >= SAMPLES
        axes.plot(
            *at(position, 1), "o", ms=25, mfc="none" if zero else "C0", mec="C1" if zero else "C0"
        )
        label = "0" if zero else f"$x_{position}$"
        color = ink if zero else "white"
        axes.text(*at(position, 1), label, ha="center", va="center", color=color)
    for output, radius, color in ((0, 1.28, "C2"), (SAMPLES - 1, 0.72, "C3")):
        along = np.linspace(output - 1, output + 1, 40)
        axes.plot(*np.transpose([at(p, radius) for p in along]), color=color, lw=2)
        for tap in (-1, 0, 1):
            axes.plot(*at(output + tap, radius), "o", color=color, ms=6)
    axes.text(*at(0, 1.5), "taps of output 0", color="C2", ha="left", va="center")
    axes.text(0, 0.1, f"taps of\noutput {SAMPLES - 1}", color="C3", ha="center", va="center")
    axes.annotate("", at(7, 0.62), (-0.22, 0.22), arrowprops={"arrowstyle": "->", "color": "C3"})
    axes.set(xlim=(-1.75, 1.95), ylim=(-1.3, 1.55), aspect="equal")
    axes.axis("off")
    return figure
