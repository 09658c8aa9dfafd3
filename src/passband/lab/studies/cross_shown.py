"""Tables and figures of the study ``cross``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from passband.lab.curves import accuracy_curves, legend
from passband.lab.drawing import svg_of_many
from passband.lab.figures import Figure, figure, file_name
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.pairs import by_pair
from passband.lab.studies.study import Lines
from passband.lab.table import cell

METRIC = "cross_accuracy"

Matrix = dict[float, dict[float | None, Summary]]
"""Accuracy by the keep of the test, then by that of training."""


def cross_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """The matrix of each (data, model) in percent, a column for each trained keep."""
    tables: dict[str, Lines] = {}
    for (data, model), mine in by_pair(row for row in rows if row.metric == METRIC).items():
        matrix = _matrix(mine)
        trained = list(dict.fromkeys(keep for line in matrix.values() for keep in line))
        tables[_title(data, model)] = [
            ("tested at", "measured", *(_trained(keep) for keep in trained)),
            *(
                (f"{at:g}", _measured(line), *(cell(line.get(keep), 100, 1) for keep in trained))
                for at, line in matrix.items()
            ),
        ]
    return tables


def cross_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """A line for each trained keep over the measured keep of the test; the matrix as a map."""
    drawn = {}
    for (data, model), mine in by_pair(row for row in rows if row.metric == METRIC).items():
        of = f"{model} on {data}"
        name = file_name(data, model, "cross-map")
        matrix = _matrix(mine)
        size = (2.2 + 0.75 * len(next(iter(matrix.values()))), 1.4 + 0.27 * len(matrix))
        drawn[_title(data, model)] = [
            figure(
                (data, model, "cross-lines"),
                f"Test accuracy of {of} against the keep of the test, a line for each trained keep",
                partial(_lines, rows=mine),
            ),
            Figure(
                name,
                f"Test accuracy of {of} for each trained keep and keep of the test, as a map",
                svg_of_many(name, partial(_map, matrix=matrix), size),
            ),
        ]
    return drawn


def cross_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "Each column is one training, and the same weights are tested at each keep: at "
        "<b>tested at 1</b> nothing is cut in the test. The columns <b>plain</b> are weights of "
        "the unconverted model, converted for the test. <b>measured</b> is what the layers really "
        "keep in the test, after rounding to whole frequencies."
    )
    yield (
        "Batch norm keeps the running statistics of the trained keep: a network with it loses more "
        "at other keeps than its weights alone would make it lose."
    )
    yield (
        "Accuracy away from the trained keep says nothing of what a training at that keep would "
        "reach. Two test keeps that round to the same frequencies have the same accuracy."
    )


def _matrix(rows: Sequence[Row]) -> Matrix:
    matrix: Matrix = {}
    for one in summarise(rows):
        matrix.setdefault(one.at or 0.0, {})[one.keep] = one
    return {at: matrix[at] for at in sorted(matrix, reverse=True)}


def _title(data: str, model: str) -> str:
    return f"Accuracy (%) of {model} on {data}, by trained keep"


def _trained(keep: float | None) -> str:
    return "plain" if keep is None else f"keep {keep:g}"


def _measured(line: Mapping[float | None, Summary]) -> str:
    return f"{next(iter(line.values())).keep_measured:.3f}"


def _lines(axes: Axes, rows: Sequence[Row]) -> None:
    points = ((_trained(row.keep), 100 * (row.keep_measured or 0), row.value) for row in rows)
    accuracy_curves(axes, points, "trained at {}")
    axes.set(title="Trained at one rate, tested at all",
             xlabel="measured keep in the test (% of the half spectrum)",
             ylabel="test accuracy (%)", xlim=(0, 103))  # fmt: skip
    legend(axes)


def _map(canvas: Canvas, matrix: Matrix) -> None:
    axes = canvas.add_subplot()
    trained = list(dict.fromkeys(keep for line in matrix.values() for keep in line))
    nothing = float("nan")
    values = [
        [100 * line[keep].mean if keep in line else nothing for keep in trained]
        for line in matrix.values()
    ]
    axes.pcolormesh(values, cmap="viridis", vmin=0, vmax=100)
    axes.grid(visible=False)
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            if value == value:  # dark cells have few percent
                colour = "#ffffff" if value < 60 else "#000000"
                axes.text(column + 0.5, row + 0.5, f"{value:.1f}", color=colour, ha="center",
                          va="center", fontsize=9)  # fmt: skip
    axes.set_xticks([n + 0.5 for n in range(len(trained))], [_trained(keep) for keep in trained])
    axes.set_yticks([n + 0.5 for n in range(len(matrix))], [f"{at:g}" for at in matrix])
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set(title="Test accuracy (%)", xlabel="trained", ylabel="keep in the test")
