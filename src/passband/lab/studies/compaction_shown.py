"""Table and figures of the study ``compaction``."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from passband.analysis import TRANSFORMS, relative_bytes
from passband.lab.drawing import RAMP, log_scale, svg
from passband.lab.figures import Figure
from passband.lab.results import Row, summarise
from passband.lab.studies.study import Lines


def compaction_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """Energy in percent, of all layers after the last epoch; a column for each fraction."""
    tables: dict[str, Lines] = {}
    for data, model in dict.fromkeys((row.data, row.model) for row in rows):
        mine = [row for row in rows if (row.data, row.model) == (data, model)]
        at = {(s.variant, s.keep): s.mean for s in summarise(mine) if s.metric == "energy"}
        fractions = dict.fromkeys(fraction or 0 for _, fraction in at)
        lines: Lines = [("energy % in", *(f"{100 * one:g} %" for one in fractions))]
        lines += [
            (transform, *(f"{100 * at[transform, one]:.1f}" for one in fractions))
            for transform in TRANSFORMS
        ]
        tables[_title(data, model)] = lines
    return tables


def compaction_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """The drawings, by the title of their table."""
    drawn = {}
    for data, model in dict.fromkeys((row.data, row.model) for row in rows):
        title = _title(data, model)
        mine = [row for row in rows if (row.data, row.model) == (data, model)]
        drawn[title] = [Figure(name, title, text) for name, text in figure(mine).items()]
    return drawn


def _title(data: str, model: str) -> str:
    return f"Energy of the maps of {model} on {data}"


def figure(rows: Sequence[Row]) -> dict[str, str]:
    """Drawings of a table as SVG, by name: energy against numbers and bytes, of each (data, model).

    Args:
        rows: The table. Of each seed, the last epoch's shares of all layers are drawn.
    """
    drawn = {}
    for pair in dict.fromkeys((row.data, row.model) for row in rows):
        mine = [row for row in rows if (row.data, row.model) == pair and row.metric == "energy"]
        for kind, paint in (("numbers", energy_by_numbers), ("bytes", energy_by_bytes)):
            name = re.sub(r"[^\w.-]+", "_", "-".join((*pair, "compaction", kind)))
            drawn[name] = svg(name, partial(paint, rows=mine))
    return drawn


def energy_by_numbers(axes: Axes, rows: Sequence[Row]) -> None:
    """Share of energy against the fraction of numbers kept, a line for each transform."""
    _lines(axes, rows, lambda fraction, transform: fraction)
    axes.set(xlabel="numbers kept (% of the map's)")


def energy_by_bytes(axes: Axes, rows: Sequence[Row]) -> None:
    """Share of energy against bytes of mask and packed numbers, a line for each transform."""
    _lines(axes, rows, relative_bytes)
    axes.set(xlabel="mask and packed float32 (% of the map's bytes)")


def _lines(axes: Axes, rows: Sequence[Row], at: Callable[[float, Any], float]) -> None:
    settings = summarise(rows)
    for transform, colour in zip(TRANSFORMS, RAMP, strict=True):
        mine = sorted((s.keep or 0, s.mean) for s in settings if s.variant == transform)
        axes.plot(
            [100 * at(fraction, transform) for fraction, _ in mine],
            [100 * share for _, share in mine],
            color=colour,
            marker="o",
            linestyle="--" if transform == "space" else "-",
            label=transform,
        )
    axes.set(title="Energy in the largest coefficients", ylabel="energy kept (%)")
    log_scale(axes, "x")
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.2))
