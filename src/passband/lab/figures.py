"""Figures of a tidy table, as SVG text that takes the reader's colours.

Text and axes are ``currentColor`` and the two hues are CSS variables with a fallback, so a figure
inside a page follows its light or dark theme, and alone it is still right.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from passband.lab.results import Row, Summary, summarise

# Placeholders that matplotlib writes into the SVG, and what replaces them. Blue and orange stay
# apart for every kind of colour blindness.
_INK, _BAND, _PLAIN = "#010203", "#0a6fb4", "#d5610a"
_COLOURS = {
    _INK: "currentColor",
    _BAND: f"var(--band, {_BAND})",
    _PLAIN: f"var(--plain, {_PLAIN})",
}
# Epoch curves, wide band to narrow: mid-tones that show on white and on black.
_RAMP = ("#4477aa", "#33a0a8", "#7da23a", "#cf8a2c", "#d0607f", "#9c6ad0", "#888888")

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
    "grid.color": _INK,
    "grid.alpha": 0.13,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}

MIB = 2**20


@dataclass(frozen=True)
class Figure:
    """One drawing.

    Attributes:
        name: A file name without ending.
        data: Name of the data set.
        model: Name of the model.
        alt: What it shows, in words.
        svg: The drawing.
    """

    name: str
    data: str
    model: str
    alt: str
    svg: str


def draw(rows: Sequence[Row]) -> list[Figure]:
    """All figures that a table has measurements for, by (data, model)."""
    figures = []
    for data, model in dict.fromkeys((row.data, row.model) for row in rows):
        mine = [row for row in rows if (row.data, row.model) == (data, model)]
        for kind, (metric, words, paint) in _KINDS.items():
            measured = [row for row in mine if row.metric == metric]
            # A line needs two points: a band beside plain, or a second epoch.
            if len({row.epoch if kind == "loss" else row.keep for row in measured}) > 1:
                name = re.sub(r"[^\w.-]+", "_", f"{data}-{model}-{kind}")
                alt = words.format(f"{model} on {data}")
                figures.append(Figure(name, data, model, alt, _svg(name, paint, measured)))
    return figures


def accuracy(axes: Axes, rows: Sequence[Row]) -> None:
    """Test accuracy against measured keep: every seed, mean and spread, and plain's."""
    _against_keep(axes, rows, 100)
    axes.set(title="Accuracy", ylabel="test accuracy, last epoch (%)")


def saved_bytes(axes: Axes, rows: Sequence[Row]) -> None:
    """What autograd holds for backward against measured keep."""
    _against_keep(axes, rows, 1 / MIB)
    axes.set(title="Memory held for backward", ylabel="saved for one batch (MiB)")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.08)


def step_time(axes: Axes, rows: Sequence[Row]) -> None:
    """Step time against measured keep, plain being 1."""
    _against_keep(axes, rows, 1)
    axes.set(title="Time of a training step", ylabel="step time ÷ plain's")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.08)


def training_loss(axes: Axes, rows: Sequence[Row]) -> None:
    """Mean training loss of each epoch, a line for each keep."""
    colours = cycle(_RAMP)
    for keep in dict.fromkeys(row.keep for row in rows):
        epochs: dict[int, list[float]] = {}
        for row in rows:
            if row.keep == keep:
                epochs.setdefault(row.epoch or 0, []).append(row.value)
        axes.plot(
            list(epochs),
            [sum(values) / len(values) for values in epochs.values()],
            color=_INK if keep is None else next(colours),
            linestyle="--" if keep is None else "-",
            label="plain" if keep is None else f"keep {keep:g}",
        )
    axes.set(title="Training loss", xlabel="epoch", ylabel="mean cross entropy (nats)")
    if all(row.value > 0 for row in rows):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:.2g}")  # 0.5 instead of 5 × 10⁻¹
        axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _against_keep(axes: Axes, rows: Sequence[Row], scale: float) -> None:
    """One metric over measured keep: seeds as dots, mean as a line, spread as a band."""
    settings = summarise(rows)
    band = sorted((s for s in settings if s.keep is not None), key=lambda s: s.keep_measured or 0)
    at = [100 * (s.keep_measured or 0) for s in band]
    mean = [scale * s.mean for s in band]
    axes.fill_between(at, *_spread(band, scale), color=_BAND, alpha=0.18, linewidth=0)
    axes.plot(at, mean, color=_BAND, marker="o", label="band-limited")
    dots = [row for row in rows if row.keep is not None]
    axes.scatter(
        [100 * (row.keep_measured or 0) for row in dots],
        [scale * row.value for row in dots],
        s=12, color=_BAND, alpha=0.5, linewidths=0,
    )  # fmt: skip
    for plain in (s for s in settings if s.keep is None):
        axes.axhline(scale * plain.mean, color=_PLAIN, linestyle="--", label="plain")
        low, high = _spread([plain], scale)
        axes.axhspan(low[0], high[0], color=_PLAIN, alpha=0.12, linewidth=0)
    axes.set(xlabel="measured keep (% of the half spectrum)", xlim=(0, 103))
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _spread(settings: Sequence[Summary], scale: float) -> tuple[list[float], list[float]]:
    """One standard deviation below and above each mean."""
    low = [scale * (s.mean - (s.std or 0)) for s in settings]
    return low, [scale * (s.mean + (s.std or 0)) for s in settings]


_KINDS: dict[str, tuple[str, str, Callable[[Axes, Sequence[Row]], None]]] = {
    "accuracy": ("test_accuracy", "Test accuracy of {} against measured keep", accuracy),
    "bytes": ("saved_bytes", "Bytes that {} holds for backward against measured keep", saved_bytes),
    "time": ("step_ratio", "Step time of {} relative to plain against measured keep", step_time),
    "loss": ("train_loss", "Training loss of {} by epoch", training_loss),
}


def _svg(name: str, paint: Callable[[Axes, Sequence[Row]], None], rows: Sequence[Row]) -> str:
    with style.context(["default", _LOOK, {"svg.hashsalt": name}]):
        canvas = Canvas(figsize=(4.6, 3.2), layout="constrained")
        paint(canvas.add_subplot(), rows)
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", transparent=True)
    svg = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    svg = svg[svg.index("<svg") :]
    # Group names repeat from figure to figure; the ids that are referred to are on other elements.
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    for placeholder, colour in _COLOURS.items():
        svg = svg.replace(placeholder, colour)
    return svg
