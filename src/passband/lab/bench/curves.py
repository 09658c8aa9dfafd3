"""Figures of a benchmark's table: where ours becomes faster, and how cost grows."""

import re
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes

from passband.lab import drawing
from passband.lab.bench.growth import GROUP, point
from passband.lab.bench.row import OURS, PLAIN, Row
from passband.lab.drawing import log_scale, svg

_LINES = len(drawing.RAMP)  # in one figure: a colour for each


def draw(rows: Sequence[Row]) -> dict[str, str]:
    """All figures that a table has measurements for: SVG text by name."""
    figures = {}
    for command, dtype, group in dict.fromkeys((r.command, r.dtype, r.group) for r in rows):
        mine = [r for r in rows if (r.command, r.dtype, r.group) == (command, dtype, group)]
        start = re.sub(r"[^\w.-]+", "_", f"{command}-{group}-{dtype}")
        cases = list(dict.fromkeys(r.case for r in mine if _ratios(mine, r.case)))
        parts = [cases[i : i + _LINES] for i in range(0, len(cases), _LINES)]
        for number, part in enumerate(parts, 1):
            name = f"{start}-crossover" + (f"-{number}" if len(parts) > 1 else "")
            figures[name] = _crossover(name, [r for r in mine if r.case in part], group)
        if group == GROUP:
            for axis in dict.fromkeys(at[0] for r in mine if (at := point(r.case))):
                name = f"{start}-{axis}"
                figures[name] = _growth(name, mine, axis)
    return figures


def _crossover(name: str, rows: Sequence[Row], group: str) -> str:
    """Ratio against keep, a line for each case; 1 is where ours becomes faster."""

    def paint(axes: Axes) -> None:
        axes.axhline(1, color=drawing.PLAIN, linestyle="--", label=PLAIN)
        cases = dict.fromkeys(row.case for row in rows)
        for case, colour in zip(cases, drawing.RAMP, strict=False):
            at = _ratios(rows, case)
            axes.plot(list(at), list(at.values()), color=colour, marker="o", label=case)
        axes.set(title=f"Time of nn.Conv ÷ ours: {group}", xlabel="keep", ylabel="ratio")
        log_scale(axes)
        axes.legend(ncols=2, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2))

    return svg(name, paint)


def _growth(name: str, rows: Iterable[Row], axis: str) -> str:
    """Milliseconds against one property of the layer, both axes logarithmic."""
    mine: dict[float, float] = {}
    its: dict[float, float] = {}
    for row in rows:
        at = point(row.case)
        if at is not None and at[0] == axis:
            for who, times in ((f"{OURS} auto ", mine), (f"{PLAIN} ", its)):
                if row.contender.startswith(who):
                    times[at[1]] = min(times.get(at[1], row.seconds), row.seconds)

    def paint(axes: Axes) -> None:
        for times, colour, label in (
            (mine, drawing.BAND, "band-limited"),
            (its, drawing.PLAIN, PLAIN),
        ):
            places = sorted(times)
            axes.plot(places, [1e3 * times[p] for p in places], color=colour, marker="o",
                      label=label)  # fmt: skip
        axes.set(title=f"Time against {axis}", xlabel=axis, ylabel="forward and backward (ms)")
        log_scale(axes)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))

    return svg(name, paint)


def _ratios(rows: Iterable[Row], case: str) -> dict[float, float]:
    """Keep to the ratio of the auto plan in its better memory format; empty for a single keep."""
    best: dict[float, float] = {}
    for row in rows:
        if row.case == case and row.keep is not None and row.contender.startswith(f"{OURS} auto "):
            best[row.keep] = max(best.get(row.keep, 0.0), row.ratio)
    return dict(sorted(best.items())) if len(best) > 1 else {}
