"""Lines over epochs, which several studies draw."""

from collections.abc import Callable, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from passband.lab.curves import curves, legend
from passband.lab.drawing import log_scale
from passband.lab.figures import Figure, figure
from passband.lab.results import Row

Named = Callable[[Row], str]
"""The words for the line that a row belongs to; ``plain`` for the plain network's."""

_KINDS: dict[str, tuple[str, str, float]] = {
    "test_accuracy": ("Accuracy", "test accuracy (%)", 100),
    "train_loss": ("Training loss", "mean cross entropy (nats)", 1),
    "keep_measured": ("What the bands keep", "measured keep (%)", 100),
}


def by_epoch(rows: Sequence[Row], metric: str, named: Named) -> Figure:
    """A metric of one (data, model) by epoch, a line for each setting: its seeds and their mean.

    Args:
        rows: Of that (data, model); others than the metric's are left out.
        metric: ``test_accuracy``, ``train_loss`` or ``keep_measured``.
        named: The words for a row's line.
    """
    title, _, _ = _KINDS[metric]
    data, model = rows[0].data, rows[0].model
    # Initial weights know nothing: an accuracy of epoch 0 would only make the others small.
    least = 0 if metric == "keep_measured" else 1
    mine = [row for row in rows if row.metric == metric and (row.epoch or 0) >= least]
    alt = f"{title} of {model} on {data} by epoch"
    return figure(
        (data, model, "by-epoch", metric), alt,
        partial(_paint, rows=mine, metric=metric, named=named),
    )  # fmt: skip


def points(
    rows: Sequence[Row], named: Named, place: Callable[[Row], float]
) -> tuple[dict[str, list[tuple[float, float]]], list[tuple[float, float]]]:
    """The points of each line, and those of the plain network, as ``curves`` takes them.

    Args:
        rows: Of one metric.
        named: The words for a row's line.
        place: Where it is across.
    """
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        lines.setdefault(named(row), []).append((place(row), row.value))
    plain = lines.pop("plain", [])
    return lines, plain


def _paint(axes: Axes, rows: Sequence[Row], metric: str, named: Named) -> None:
    title, words, scale = _KINDS[metric]
    lines, plain = points(rows, named, lambda row: float(row.epoch or 0))
    curves(axes, lines, plain, scale=scale)
    axes.set(title=title, xlabel="epoch", ylabel=words)
    if metric == "train_loss" and all(row.value > 0 for row in rows):
        log_scale(axes)
    else:
        axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes)
