"""The steps of a band-limited convolution, and of its gradient, which are the same backwards."""

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

FORWARD = (
    ("map x", ""),
    ("spectrum X", "$F$"),
    ("spectrum Y", r"$\cdot\,\overline{W}$"),
    ("map y", r"$F^{\mathsf{T}}$"),
)
BACKWARD = (
    ("gradient of x", r"$F^{\mathsf{T}}$"),
    ("gradient of X", r"$\cdot\,W$"),
    ("gradient of Y", "$F$"),
    ("gradient of y", ""),
)


def draw() -> Figure:
    """Forward to the right, backward to the left."""
    figure, axes = plt.subplots(figsize=(5.4, 2.6))
    for row, (steps, color) in enumerate(((FORWARD, "C0"), (BACKWARD, "C1"))):
        for column, (name, by) in enumerate(steps):
            edge = {"boxstyle": "round,pad=0.4", "fc": "none", "ec": color}
            axes.text(
                column, -row, name.replace(" of ", "\nof "), ha="center", va="center", bbox=edge
            )
            towards, start = (column, column - 1) if row == 0 else (column, column + 1)
            if not by:
                continue
            side = 0.36 if row == 0 else -0.36
            arrow = {"arrowstyle": "->", "color": color}
            axes.annotate("", (towards - side, -row), (start + side, -row), arrowprops=arrow)
            axes.text((towards + start) / 2, 0.2 - row, by, ha="center", va="bottom", color=color)
    axes.annotate(
        "held for backward, with the weight",
        (1, -0.22),
        (1.5, -0.5),
        ha="center",
        va="center",
        color="C2",
        fontsize=9,
    )
    axes.set(xlim=(-0.5, 3.5), ylim=(-1.4, 0.6))
    axes.axis("off")
    return figure
