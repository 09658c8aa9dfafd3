"""Tables, figures and notes of the study ``layers``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from passband.lab.drawing import BAND, PLAIN, RAMP, svg
from passband.lab.figures import Figure, file_name
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.study import Lines
from passband.lab.table import cell
from passband.lab.terminal import without_empty_columns

Found = dict[tuple[str, float | None], dict[str, Summary]]
"""Of each layer or trained network, and keep of the layer."""


def layers_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """What was trained, and each layer at each keep."""
    tables: dict[str, Lines] = {}
    for pair, found in _found(rows).items():
        tables[_trained(*pair)] = _networks(found)
        tables[_alone(*pair)] = _of_layers(found)
    return tables


def _trained(data: str, model: str) -> str:
    return f"{model} on {data}, a keep for each layer"


def _alone(data: str, model: str) -> str:
    return f"{model} on {data}, one layer at a time"


def _found(rows: Sequence[Row]) -> dict[tuple[str, str], Found]:
    found: dict[tuple[str, str], Found] = {}
    for one in summarise(rows):
        mine = found.setdefault((one.data, one.model), {})
        mine.setdefault((one.variant, one.at), {})[one.metric] = one
    return found


def _networks(found: Found) -> Lines:
    lines = []
    for (variant, at), of in found.items():
        if at is None and "test_accuracy" in of:
            one = of["test_accuracy"]
            name = {"layers": "each layer its own", "plain": "plain"}.get(variant)
            cost = f"{of['relative_cost'].mean:.2f}" if "relative_cost" in of else "1.00"
            chosen = cell(of.get("best_test_accuracy"), 100, 1)
            of_all = name or f"keep {one.keep:g} for all"
            lines.append((of_all, str(one.n), cell(one, 100, 1), chosen, cost))
    heads = ("bands", "seeds", "accuracy %", "at best validation %", "cost ÷ plain's")
    return without_empty_columns(heads, lines)


def _layers(found: Found) -> dict[str, dict[float, dict[str, Summary]]]:
    layers: dict[str, dict[float, dict[str, Summary]]] = {}
    for (variant, at), of in found.items():
        if at is not None:
            layers.setdefault(variant, {})[at] = of
    return layers


def _of_layers(found: Found) -> Lines:
    layers = _layers(found)
    keeps = [keep for keep in next(iter(layers.values()), {}) if keep < 1]
    lines: Lines = [("layer", "cost %", *(f"keep {keep:g}" for keep in keeps), "chosen")]
    for name, at in layers.items():
        accuracies = (cell(at[keep]["test_accuracy"], 100, 1) for keep in keeps)
        chosen = found.get((name, None), {}).get("chosen_keep")
        lines.append(
            (
                name,
                f"{100 * at[1.0]['cost'].mean:.1f}",
                *accuracies,
                "" if chosen is None else f"{chosen.mean:g}",
            )
        )
    return lines


def layers_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Accuracy lost by narrowing one layer, and the keeps that were chosen."""
    drawn = {}
    for pair, found in _found(rows).items():
        layers = _layers(found)
        if layers:
            name = file_name(*pair, "layers", "loss")
            alt = f"Accuracy that {pair[1]} on {pair[0]} loses when one layer is narrowed"
            text = svg(name, partial(_paint, found=found), (6.4, 1.2 + 0.3 * len(layers)))
            drawn[_alone(*pair)] = [Figure(name, alt, text)]
    return drawn


def _paint(axes: Axes, found: Found) -> None:
    layers = _layers(found)
    keeps = [keep for keep in next(iter(layers.values())) if keep < 1]
    height = 0.8 / len(keeps)
    for row, keep in enumerate(keeps):
        lost = [
            100 * (at[1.0]["test_accuracy"].mean - at[keep]["test_accuracy"].mean)
            for at in layers.values()
        ]
        places = [number + row * height for number in range(len(layers))]
        axes.barh(places, lost, height, color=RAMP[row % len(RAMP)], label=f"keep {keep:g}")
    names = []
    for name in layers:
        chosen = found.get((name, None), {}).get("chosen_keep")
        names.append(name if chosen is None else f"{name}: {chosen.mean:g}")
    axes.set_yticks([number + 0.4 - height / 2 for number in range(len(layers))], names)
    axes.axvline(0, color=PLAIN, linewidth=0.8)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set(title="Accuracy lost by one layer alone",
             xlabel="test accuracy lost (points); beside a name the keep chosen")  # fmt: skip
    axes.tick_params(axis="y", labelsize=8, color=BAND)
    axes.legend(loc="lower right")


def layers_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    of = "estimated time of forward and backward" if run.get("budget_of") == "time" else "bytes"
    yield (
        "One layer at a time of the trained plain network was given a band, the others left whole, "
        "and nothing trained anew. Then, all at keep 1 to begin with, step by step the layer was "
        "narrowed that loses least accuracy on the <b>validation</b> part for what it saves, until "
        f"all convolutions cost {run.get('budget')} of plain's."
    )
    yield (
        f"<b>cost</b> is the {of} of the convolutions alone, by their plans for one batch; norms, "
        "activations and linear layers cost as before. The uniform keep is the one, in steps of "
        "0.05, whose cost is nearest."
    )
    yield (
        "What it does not show: losses of single layers do not add up, and training anew recovers "
        "most of them, so the choice is a heuristic. A difference of the trained networks within "
        "the spread is none; by default there is one seed."
    )
