"""Figures of a study's tidy table."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, cycle

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from passband.lab.drawing import BAND, INK, PLAIN, RAMP, log_scale, svg
from passband.lab.results import Row, Summary, summarise

MIB = 2**20


@dataclass(frozen=True)
class Figure:
    """One drawing.

    Attributes:
        name: A file name without ending.
        alt: What it shows, in words.
        svg: The drawing.
    """

    name: str
    alt: str
    svg: str


def figure(words: Sequence[str], alt: str, paint: Callable[[Axes], None]) -> Figure:
    """A drawing under a name made of words that need not be good for a file's.

    Args:
        words: That set it apart from the other figures of a directory.
        alt: What it shows, in words.
        paint: Draws it.
    """
    name = file_name(*words)
    return Figure(name, alt, svg(name, paint))


def file_name(*words: str) -> str:
    """Words as a file's name.

    Example:
        >>> file_name("ucr:GunPoint", "fcn", "loss")
        'ucr_GunPoint-fcn-loss'
    """
    return re.sub(r"[^\w.-]+", "_", "-".join(words))


def draw(rows: Sequence[Row]) -> list[Figure]:
    """All figures that a table of bands has measurements for, by (data, model)."""
    figures = []
    for data, model in dict.fromkeys((row.data, row.model) for row in rows):
        mine = [row for row in rows if (row.data, row.model) == (data, model)]
        for kind, (metric, words, paint) in _KINDS.items():
            measured = [row for row in mine if row.metric == metric]
            # A line needs two points: a band beside plain, or a second epoch.
            if len({row.epoch if kind == "loss" else row.keep for row in measured}) > 1:
                alt = words.format(f"{model} on {data}")
                figures.append(figure((data, model, kind), alt, partial(_of, paint, measured)))
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
    colours = cycle(RAMP)
    for variant, keep, at in dict.fromkeys((row.variant, row.keep, row.at) for row in rows):
        epochs: dict[int, list[float]] = {}
        for row in rows:
            if (row.variant, row.keep, row.at) == (variant, keep, at):
                epochs.setdefault(row.epoch or 0, []).append(row.value)
        plain = keep is None and at is None
        axes.plot(
            list(epochs),
            [sum(values) / len(values) for values in epochs.values()],
            color=INK if plain else next(colours),
            linestyle="--" if plain else "-",
            label=" ".join(
                [
                    "keep" if variant == "band" else variant,
                    *(f"{number:g}" for number in (keep, at) if number is not None),
                ]
            ),
        )
    axes.set(title="Training loss", xlabel="epoch", ylabel="mean cross entropy (nats)")
    if 0 < 3 * min(row.value for row in rows) < max(row.value for row in rows):
        log_scale(axes)  # on a short way its numbers would look alike
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _against_keep(axes: Axes, rows: Sequence[Row], scale: float) -> None:
    """One metric over measured keep: seeds as dots, mean as a line, spread as a band."""
    settings = summarise(rows)
    variants = dict.fromkeys(row.variant for row in rows if row.keep_measured is not None)
    for variant, colour in zip(variants, chain([BAND], cycle(RAMP[2:])), strict=False):
        line = [s for s in settings if s.variant == variant]
        line.sort(key=lambda s: s.keep_measured or 0)
        at = [100 * (s.keep_measured or 0) for s in line]
        label = "band-limited" if variant == "band" else f"band by {variant}"
        axes.fill_between(at, *_spread(line, scale), color=colour, alpha=0.18, linewidth=0)
        axes.plot(at, [scale * s.mean for s in line], color=colour, marker="o", label=label)
        dots = [row for row in rows if row.variant == variant]
        axes.scatter(
            [100 * (row.keep_measured or 0) for row in dots],
            [scale * row.value for row in dots],
            s=12, color=colour, alpha=0.5, linewidths=0,
        )  # fmt: skip
    for plain in (s for s in settings if s.variant == "plain"):
        axes.axhline(scale * plain.mean, color=PLAIN, linestyle="--", label="plain")
        low, high = _spread([plain], scale)
        axes.axhspan(low[0], high[0], color=PLAIN, alpha=0.12, linewidth=0)
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


def _of(paint: Callable[[Axes, Sequence[Row]], None], rows: Sequence[Row], axes: Axes) -> None:
    paint(axes, rows)
