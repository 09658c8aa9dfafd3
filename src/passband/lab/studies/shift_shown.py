"""Tables and figures of the study ``shift``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from passband.lab.curves import accuracy_curves, legend
from passband.lab.figures import Figure, figure
from passband.lab.results import Row
from passband.lab.studies.by_keep import POINT, cells, heading, keeps, means, points
from passband.lab.studies.pairs import by_pair
from passband.lab.studies.study import Lines

MOVED, MOVED_SAME, CONSISTENT = "moved_accuracy", "moved_same", "moved_consistency"
TURNED, TURNED_SAME = "turned_accuracy", "turned_same"

_WORDS = {
    MOVED: ("Accuracy (%)", "moved"),
    MOVED_SAME: ("Same class as unmoved (%)", "moved"),
    CONSISTENT: ("Consistency of two random shifts (%)", "moved by up to"),
    TURNED: ("Accuracy (%)", "turned"),
    TURNED_SAME: ("Same class as unturned (%)", "turned"),
}


def shift_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """For each measurement a line for each shift or angle; keeps side by side."""
    tables: dict[str, Lines] = {}
    for pair, metric, mine in _measured(rows):
        columns = keeps(mine)
        tables[_title(*pair, metric)] = [
            (_axis(metric), *(heading(keep) for keep in columns)),
            *((f"{at:g}", *cells(some, columns)) for at, some in sorted(_by_at(mine).items())),
        ]
    return tables


def shift_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Each of them over the shift or angle, a line for each keep."""
    drawn = {}
    for pair, metric, mine in _measured(rows):
        title = _title(*pair, metric)
        paint = partial(_paint, rows=mine, metric=metric)
        drawn[title] = [figure((*pair, metric), f"{title}, a line for each keep", paint)]
    return drawn


def shift_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "<b>Moved</b> is by so many samples along one axis, the mean over both ways on each axis. "
        "What comes in is background: of images the darkest value of each channel in the training "
        "set, of series zeros; what goes out is lost. By parts of a sample maps are moved by their "
        "Fourier phases, which does not blur. Shifts as long as the map are left out."
    )
    if any(row.metric == TURNED for row in rows):
        yield (
            "<b>Turned</b> is about the middle, the mean over both ways, bilinear between pixels "
            "and with the same background: that blurs a little, alike for all networks."
        )
    yield (
        "<b>Consistency</b> (Zhang 2019) is the share of samples that get the same class after two "
        "random whole shifts on all axes of up to so many samples. It asks for no right class: a "
        "network that always says the same is consistent."
    )
    for (data, model), mine in by_pair(row for row in rows if row.metric in _WORDS).items():
        for keep in keeps(mine):
            if keep is not None:
                yield f"{model} on {data}, keep {keep:g}: {_against_plain(mine, keep)}"
    yield (
        "The authors of band limits found less accuracy than plain's at keep 0.15 when images were "
        "moved (3 pixels: 55 beside 76 %) and turned (10 degrees: 64 beside 77.5 %), of networks "
        "with 84.6 and 93.5 % on clean images (ICML 2019, 200 images)."
    )


def _against_plain(rows: Sequence[Row], keep: float) -> str:
    """Where a keep is better and worse than plain, in words."""
    told = []
    for metric, unit in ((MOVED, ""), (TURNED, "°")):
        places = _by_at([row for row in rows if row.metric == metric])
        more = {
            at: mean[keep] - mean[None]
            for at, some in sorted(places.items())
            if keep in (mean := means(some)) and None in mean
        }
        if not more:
            continue
        worse = {at: by for at, by in more.items() if at and by <= -POINT}
        better = {at: by for at, by in more.items() if at and by >= POINT}
        told.append(
            f"{_WORDS[metric][1]}, <b>worse</b> than plain by a point or more at "
            f"{_places(worse, unit)}; <b>better</b> at {_places(better, unit)}; "
            f"as they are {100 * more[0.0]:+.1f}"
        )
    return f"{'. '.join(told)} (points of accuracy)."


def _places(more: Mapping[float, float], unit: str) -> str:
    return ", ".join(f"{at:g}{unit} ({100 * by:+.1f})" for at, by in more.items()) or "none"


def _measured(rows: Sequence[Row]) -> Iterable[tuple[tuple[str, str], str, list[Row]]]:
    """The rows of each (data, model) and metric, metrics in the order of the page.

    What was neither moved nor turned is not shown.
    """
    for pair, mine in by_pair(row for row in rows if row.metric in _WORDS).items():
        for metric in _WORDS:
            some = [row for row in mine if row.metric == metric]
            if any(row.at for row in some):
                yield pair, metric, some


def _by_at(rows: Iterable[Row]) -> dict[float, list[Row]]:
    found: dict[float, list[Row]] = {}
    for row in rows:
        found.setdefault(row.at or 0.0, []).append(row)
    return found


def _axis(metric: str) -> str:
    unit = "degrees" if metric in (TURNED, TURNED_SAME) else "samples"
    return f"{_WORDS[metric][1]} ({unit})"


def _title(data: str, model: str, metric: str) -> str:
    return f"{_WORDS[metric][0]} of {model} on {data}, {_WORDS[metric][1]}"


def _paint(axes: Axes, rows: Sequence[Row], metric: str) -> None:
    accuracy_curves(axes, points(rows))
    axes.set(title=_WORDS[metric][0], xlabel=_axis(metric), ylabel="samples of the test set (%)")
    legend(axes)
