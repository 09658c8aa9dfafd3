"""Tables and figures of the study ``knob``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from passband.lab.curves import accuracy_curves, legend
from passband.lab.figures import Figure, figure
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.pairs import by_pair, pair_title
from passband.lab.studies.study import Lines
from passband.lab.table import cell

METRIC = "knob_accuracy"


def knob_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """Of each (data, model) a line for each position of the knob."""
    return {pair_title(*pair): _table(mine) for pair, mine in by_pair(rows).items()}


def knob_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Accuracy over the knob's position, and over the time of a forward pass."""
    drawn = {}
    for (data, model), mine in by_pair(rows).items():
        of = f"{model} on {data}"
        drawn[pair_title(data, model)] = [
            figure((data, model, "knob"), f"Test accuracy of {of} against the keep it is set to",
                   partial(_over_keep, rows=mine)),
            figure((data, model, "knob-latency"),
                   f"Test accuracy of {of} against the time of its forward pass",
                   partial(_over_time, rows=mine)),
        ]  # fmt: skip
    return drawn


def knob_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "Each column of accuracies is one network, whose band <code>set_band_</code> sets to each "
        "position. <b>random</b> was trained at a keep drawn for each step, from "
        f"{run.get('least')} to 1; <b>plain</b> without a band, converted for the test; the others "
        "at one keep."
    )
    turns = [1e3 * row.value for row in rows if row.metric == "turn_seconds"]
    batch = "one batch of tests, without gradients"
    yield (
        f"<b>forward ms</b> is of {batch}; <b>÷ plain</b> is over the same network with PyTorch's "
        "convolutions, timed in turn. Fewer frequencies need not be faster: a convolution that is "
        "computed in space costs the same at each keep. Turning the knob takes "
        f"{', '.join(f'{ms:.2f}' for ms in turns) or '?'} ms; the first pass after it plans anew."
    )


def _trained(one: Row | Summary) -> str:
    if one.variant in ("plain", "random"):
        return one.variant
    return f"keep {one.keep:g}"


def _table(rows: Sequence[Row]) -> Lines:
    found: dict[str, dict[float | None, Summary]] = {}
    for one in summarise(rows):
        name = _trained(one) if one.metric == METRIC else one.metric
        found.setdefault(name, {})[one.at] = one
    networks = [name for name in dict.fromkeys(map(_trained, rows)) if name in found]
    seconds, ratios = found.get("forward_seconds", {}), found.get("forward_ratio", {})
    places = list(dict.fromkeys(row.at for row in rows if row.metric == METRIC))
    first = found[networks[0]] if networks else {}
    lines: Lines = [
        ("set to", "measured", *(f"{name} %" for name in networks), "forward ms", "÷ plain")
    ]
    if None in seconds:
        lines.append(("nn.Conv", "", *("" for _ in networks), cell(seconds[None], 1e3, 2), "1.00"))
    for at in places:
        kept = first[at].keep_measured if at in first else None
        lines.append(
            (f"{at:g}", "" if kept is None else f"{kept:.3f}",
             *(cell(found[name].get(at), 100, 1) for name in networks),
             cell(seconds.get(at), 1e3, 2), cell(ratios.get(at), 1, 2))
        )  # fmt: skip
    return lines


def _over_keep(axes: Axes, rows: Sequence[Row]) -> None:
    points = (
        (_trained(row), 100 * (row.keep_measured or 0), row.value)
        for row in rows
        if row.metric == METRIC
    )
    accuracy_curves(axes, points, "trained at {}")
    axes.set(title="The knob", xlabel="measured keep (% of the half spectrum)",
             ylabel="test accuracy (%)", xlim=(0, 103))  # fmt: skip
    legend(axes)


def _over_time(axes: Axes, rows: Sequence[Row]) -> None:
    ratio = {row.at: row.value for row in rows if row.metric == "forward_ratio"}
    points = (
        (_trained(row), ratio[row.at], row.value)
        for row in rows
        if row.metric == METRIC and row.at in ratio
    )
    accuracy_curves(axes, points, "trained at {}")
    axes.set(title="Accuracy for time", xlabel="forward pass ÷ that with nn.Conv",
             ylabel="test accuracy (%)")  # fmt: skip
    legend(axes)
