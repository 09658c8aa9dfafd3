"""The spectrum of a map on a ring of 12 x 12 samples: which coefficients are held, which follow."""

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

LENGTH, MODES = 12, 4


def draw() -> Figure:
    """A square for each frequency."""
    figure, axes = plt.subplots(figsize=(5, 4.3))
    cut = plt.rcParams["grid.color"]
    frequencies = range(-LENGTH // 2 + 1, LENGTH // 2 + 1)
    for down in frequencies:
        for across in frequencies:
            inside = max(abs(down), abs(across)) < MODES
            held = across > 0 or (across == 0 and down >= 0)
            square = Rectangle((across - 0.42, down - 0.42), 0.84, 0.84)
            square.set_edgecolor("C0" if inside else cut)
            square.set_facecolor(("C0", (1.0 if held else 0.25)) if inside else "none")
            axes.add_patch(square)
    for place, text, color in (
        ((0, 0), "DC", "white"),
        ((3, 2), "k", "white"),
        ((-3, -2), "−k", plt.rcParams["text.color"]),
    ):
        axes.text(*place, text, ha="center", va="center", color=color, fontsize=9)
    axes.set(xlim=(-6, 7), ylim=(-6, 7), aspect="equal", xticks=frequencies, yticks=frequencies)
    axes.set(xlabel="frequency across", ylabel="frequency down")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure
