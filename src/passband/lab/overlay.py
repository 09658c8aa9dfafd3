"""What a paper found, drawn beside what was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from itertools import chain, cycle
from typing import Any

from matplotlib.axes import Axes

from passband.lab import papers
from passband.lab.curves import legend
from passband.lab.drawing import BAND, PLAIN, RAMP
from passband.lab.figures import Figure, figure
from passband.lab.papers import Point
from passband.lab.results import Row, summarise

TITLE = "Beside the paper"
_OF_PERCENT = ("test_accuracy", "cross_accuracy", "keep", "keep_measured", "energy")
_WORDS = {
    "keep": "keep (%)",
    "keep_measured": "measured keep (% of the half spectrum)",
    "energy": "energy preserved (%)",
    "epoch": "epoch",
    "sigma": "standard deviation of the noise, in units of the network's input",
    "epsilon": "epsilon (here a share of the range of the data)",
    "test_accuracy": "test accuracy (%)",
    "relative_memory": "memory ÷ that of keep 1",
    "relative_time": "time ÷ that of keep 1",
}
# Where rows of a study have what a paper's figure calls otherwise.
_COLUMNS = {"energy": "at", "sigma": "at", "degrees": "at", "pixels": "at", "epsilon": "at"}
_METRICS = {
    ("cross", "keep"): "cross_accuracy",
    ("cross", "keep_measured"): "cross_accuracy",
    ("noise", "sigma"): "accuracy_gaussian",
    ("shift", "degrees"): "turned_accuracy",
    ("shift", "pixels"): "moved_accuracy",
    ("attacks", "epsilon"): "accuracy_fgsm",
    ("attacks", "pixels"): "accuracy_by_pixels",
}


def beside(run: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, list[Figure]]:
    """A figure for each table of a paper that a study names, with what was measured in it.

    Args:
        run: The stored config of a study; its ``paper`` names tables of ``passband.lab.papers``.
        rows: Of its table.
    """
    figures = []
    for name in run.get("paper") or ():
        points = [point for point in papers.load(name) if point.x is not None]
        for metric, x_name in dict.fromkeys((point.metric, point.x_name) for point in points):
            shown = [p for p in points if (p.metric, p.x_name) == (metric, x_name)]
            found = measured(rows, metric, x_name)
            alt = (
                f"{_words(metric)} against {_words(x_name)}: the paper's {name}, "
                f"{'and what was measured here' if found else 'nothing like it measured here'}"
            )
            paint = partial(_paint, points=shown, found=found)
            figures.append(figure(("paper", name, metric, x_name), alt, paint))
    return {TITLE: figures} if figures else {}


def measured(
    rows: Sequence[Row], metric: str, x_name: str
) -> dict[str, list[tuple[float, float, float]]]:
    """Means over seeds of what a paper's figure shows, by line: x, y, deviation.

    Args:
        rows: Of a study.
        metric: The figure's.
        x_name: Of its other axis.
    """
    column = _COLUMNS.get(x_name, x_name)
    wanted = [row for row in rows if row.metric == _METRICS.get((rows[0].study, x_name), metric)]
    if metric == "energy":  # what a band was to hold, at what it kept of the coefficients
        wanted = [
            replace(row, value=row.at)
            for row in rows
            if row.metric == "test_accuracy" and row.variant == "energy" and row.at is not None
        ]
    lines: dict[str, list[tuple[float, float, float]]] = {}
    if column == "epoch":
        for row in wanted:
            if row.epoch is not None:
                lines.setdefault(_label(row, column), []).append((row.epoch, row.value, 0.0))
        return lines
    for one in summarise(wanted):
        plain = 1.0 if one.variant == "plain" and column != "at" else None
        x = getattr(one, column, None)
        if (x := plain if x is None else x) is not None:
            lines.setdefault(_label(one, column), []).append((x, one.mean, one.std or 0.0))
    return {label: sorted(line) for label, line in lines.items()}


def of_papers(run: Mapping[str, Any]) -> Iterable[str]:
    """How to read these figures, as HTML."""
    for name in run.get("paper") or ():
        points = papers.load(name)
        sources = dict.fromkeys(
            f"{point.source}{', read from a plot' if point.read == 'plot' else ''}"
            for point in points
        )
        best = any(point.metric == "test_accuracy" for point in points)
        yield (
            f"<b>{escape(name)}</b>: the paper's own numbers ({escape('; '.join(sources))}), of "
            "its data, models and epochs, which need not be those here."
            f"{' Its accuracies are the best of all epochs on the test set.' if best else ''}"
        )


def _label(one: Any, column: str) -> str:
    """The line of a figure that a row belongs to."""
    words = [one.model, one.data]
    if one.metric == "cross_accuracy":
        words.append("plain" if one.keep is None else f"trained at {one.keep:g}")
    elif column == "at" and one.variant in ("plain", "band"):
        words.append("plain" if one.keep is None else f"keep {one.keep:g}")
    elif one.variant not in ("plain", "band"):
        words.append(one.variant)
    if column != "at" and one.at is not None and column != "keep_measured":
        words.append(f"{one.at:g}")
    return " ".join(words)


def _paint(
    axes: Axes,
    points: Sequence[Point],
    found: Mapping[str, Sequence[tuple[float, float, float]]],
) -> None:
    metric, x_name = points[0].metric, points[0].x_name
    across, up = _scale(x_name), _scale(metric)
    colours = chain([PLAIN], cycle(RAMP[1:]))  # the first of RAMP is close to BAND
    for series in dict.fromkeys(point.series for point in points):
        line = sorted((p.x or 0.0, p.value) for p in points if p.series == series)
        style = "--" if len(line) > 1 else "D"
        axes.plot([across * x for x, _ in line], [up * y for _, y in line], style,
                  color=next(colours), label=f"paper: {series}")  # fmt: skip
    for label, places in found.items():
        colour = BAND if len(found) == 1 else next(colours)
        axes.errorbar([across * x for x, _, _ in places], [up * y for _, y, _ in places],
                      [up * deviation for _, _, deviation in places], fmt="o-", color=colour,
                      label=label)  # fmt: skip
    axes.set(title=f"{points[0].figure}: paper and measured", xlabel=_words(x_name),
             ylabel=_words(metric))  # fmt: skip
    legend(axes, 1)


def _scale(name: str) -> float:
    return 100.0 if name in _OF_PERCENT else 1.0


def _words(name: str) -> str:
    return _WORDS.get(name, name.replace("_", " "))
