"""Lines over a number, with the seeds they are the mean of."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from statistics import fmean

from matplotlib.axes import Axes

from passband.lab.drawing import PLAIN, RAMP

Points = Sequence[tuple[float, float]]


def curves(
    axes: Axes, lines: Mapping[str, Points], plain: Points = (), *, scale: float = 1.0
) -> None:
    """A line for each label: every point as a dot, and the mean of those at one place.

    Args:
        axes: Where.
        lines: Points ``(x, y)``, one for each seed; those that are not finite are left out.
        plain: Those of the plain network, dashed.
        scale: Of y.
    """
    for (label, points), colour in zip(lines.items(), cycle(RAMP)):
        _line(axes, points, scale, colour=colour, label=label, style="o-")
    if plain:
        _line(axes, plain, scale, colour=PLAIN, label="plain", style="--")


def accuracy_curves(
    axes: Axes, points: Iterable[tuple[str, float, float]], words: str = "{}"
) -> None:
    """Accuracies in percent, a line for each network; that of ``plain`` is dashed.

    Args:
        axes: Where.
        points: Network, x and accuracy in [0, 1].
        words: The label of a network, its name in place of ``{}``.
    """
    lines = defaultdict(list)
    for network, x, y in points:
        lines[network].append((x, y))
    plain = lines.pop("plain", [])
    curves(axes, {words.format(name): line for name, line in lines.items()}, plain, scale=100)


def _line(axes: Axes, points: Points, scale: float, *, colour: str, label: str, style: str) -> None:
    at = defaultdict(list)
    for x, y in points:
        if math.isfinite(y):
            at[x].append(scale * y)
    places = sorted(at)
    axes.plot(places, [fmean(at[x]) for x in places], style, color=colour, label=label)
    dots = [(x, y) for x in places for y in at[x]]
    axes.scatter(
        [x for x, _ in dots], [y for _, y in dots], s=12, color=colour, alpha=0.5, linewidths=0
    )


def plain_across(axes: Axes, values: Iterable[float], *, scale: float = 1.0) -> None:
    """A dashed line across at the mean of what the plain network has."""
    axes.axhline(scale * fmean(values), color=PLAIN, linestyle="--", label="plain")


def legend(axes: Axes, columns: int = 2) -> None:
    """The labels, below."""
    axes.legend(ncols=columns, loc="upper center", bbox_to_anchor=(0.5, -0.2))
