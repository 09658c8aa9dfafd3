"""Tables and figures of accuracies against the strength of something, network by network."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes

from passband.lab.curves import accuracy_curves, legend
from passband.lab.figures import Figure, figure
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.study import Lines
from passband.lab.table import cell

Line = dict[float, Summary]
"""What was measured of one network, by strength."""


def network(one: Row | Summary) -> str:
    """Which network of a study a row is of: ``plain``, ``keep 0.5``."""
    kind, plus, more = one.variant.partition(" +")
    words = kind if one.keep is None else f"keep {one.keep:g}"
    if kind not in ("plain", "band"):
        words = " ".join([kind, *([f"keep {one.keep:g}"] if one.keep is not None else [])])
    return words + plus + more


def lines(rows: Iterable[Row]) -> dict[str, Line]:
    """The rows of one metric by network, then by strength."""
    found: dict[str, Line] = {}
    for one in summarise(rows):
        found.setdefault(network(one), {})[one.at or 0.0] = one
    return {name: dict(sorted(line.items())) for name, line in found.items()}


def crossing(line: Line, plain: Line) -> float | None:
    """From which strength on a network's mean is never below plain's, and somewhere above.

    Where one is above the other between two strengths, the means are joined by straight lines.
    """
    places = [at for at in line if at in plain]
    gains = [line[at].mean - plain[at].mean for at in places]
    last = max((n for n, gain in enumerate(gains) if gain < 0), default=None)
    if not any(gain > 0 for gain in gains[0 if last is None else last :]):
        return None
    if last is None:
        return places[0]
    step = places[last + 1] - places[last]
    return places[last] - step * gains[last] / (gains[last + 1] - gains[last])


def strength_table(rows: Iterable[Row]) -> Lines:
    """Accuracy (%) of each network, a column for each strength, and where it passes plain's."""
    found = lines(rows)
    places = sorted({at for line in found.values() for at in line})
    plain = found.get("plain", {})

    def beyond(name: str, line: Line) -> str:
        at = None if name == "plain" else crossing(line, plain)
        return "" if name == "plain" else "never" if at is None else f"{at:.2g}"

    return [
        ("network", "seeds", "above plain from", *(f"{at:g}" for at in places)),
        *(
            (name, str(max(one.n for one in line.values())), beyond(name, line),
             *(cell(line.get(at), 100, 1) for at in places))
            for name, line in found.items()
        ),
    ]  # fmt: skip


def strength_figure(words: Sequence[str], alt: str, rows: Sequence[Row], unit: str) -> Figure:
    """Accuracy over strength: a line for each network, plain dashed.

    Args:
        words: Name of the figure, see ``figure``.
        alt: What it shows.
        rows: Of one metric.
        unit: Of the strength, in words.
    """
    return figure(words, alt, partial(_paint, rows=rows, title=alt, unit=unit))


def _paint(axes: Axes, rows: Sequence[Row], title: str, unit: str) -> None:
    accuracy_curves(axes, ((network(row), row.at or 0.0, row.value) for row in rows))
    axes.set(title=title, xlabel=unit, ylabel="test accuracy (%)", ylim=(0, 102))
    legend(axes)


def by_metric(rows: Iterable[Row], prefix: str) -> Mapping[str, list[Row]]:
    """The rows of each metric that begins so, by the rest of its name."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.metric.startswith(prefix):
            found.setdefault(row.metric.removeprefix(prefix), []).append(row)
    return found
