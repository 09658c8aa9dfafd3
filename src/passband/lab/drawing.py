"""Drawings as SVG text that takes the reader's colours.

Text and axes are ``currentColor`` and the two hues are CSS variables with a fallback, so a figure
inside a page follows its light or dark theme, and alone it is still right.
"""

import io
import re
from collections.abc import Callable
from typing import Literal

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, NullLocator

# Placeholders that matplotlib writes into the SVG, and what replaces them. Blue and orange stay
# apart for every kind of colour blindness.
INK, BAND, PLAIN = "#010203", "#0a6fb4", "#d5610a"
_COLOURS = {
    INK: "currentColor",
    BAND: f"var(--band, {BAND})",
    PLAIN: f"var(--plain, {PLAIN})",
}
# Epoch curves, wide band to narrow: mid-tones that show on white and on black.
RAMP = ("#4477aa", "#33a0a8", "#7da23a", "#cf8a2c", "#d0607f", "#9c6ad0", "#888888")

_LOOK = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the reader's font
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.13,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def svg(name: str, paint: Callable[[Axes], None], size: tuple[float, float] = (4.6, 3.2)) -> str:
    """What ``paint`` draws, as an SVG element; the same name and drawing give the same text.

    Args:
        name: Of the figure.
        paint: Draws it.
        size: Width and height in inches.
    """
    return svg_of_many(name, lambda canvas: paint(canvas.add_subplot()), size)


def svg_of_many(name: str, paint: Callable[[Canvas], None], size: tuple[float, float]) -> str:
    """As ``svg``, where ``paint`` adds the axes itself."""
    with style.context(["default", _LOOK, {"svg.hashsalt": name}]):
        canvas = Canvas(figsize=size, layout="constrained")
        paint(canvas)
        buffer = io.StringIO()
        canvas.draw_without_rendering()  # the room that numbers take is known after a first draw
        canvas.savefig(buffer, format="svg", transparent=True)
    text = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    text = text[text.index("<svg") :]
    # Group names repeat from figure to figure; the ids that are referred to are on other elements.
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    for placeholder, colour in _COLOURS.items():
        text = text.replace(placeholder, colour)
    return text


def log_scale(axes: Axes, which: Literal["x", "y"] = "y") -> None:
    """A logarithmic axis with plain numbers: 0.5 instead of 5 × 10⁻¹."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:.2g}")
    axis.set_minor_locator(NullLocator())
