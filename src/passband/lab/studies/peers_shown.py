"""Table, figures and notes of the study ``peers``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from passband.lab.drawing import BAND, INK, PLAIN, log_scale, svg
from passband.lab.figures import MIB, Figure, file_name
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.study import Lines
from passband.lab.table import cell
from passband.lab.terminal import without_empty_columns

_WORDS = {
    "plain": "plain",
    "band": "band, keep {keep:g}",
    "resized": "resized to {size:.3g}",
    "narrow": "width {size:.3g}",
    "strided": "strided stem",
    "blurpool": "blur-pooled stem",
    "bfloat16": "bfloat16",
    "checkpoint": "checkpoint",
    "policy": "exact policy",
    "exact": "band, keep {keep:g}, exact policy",
}
_OURS = ("band", "policy", "exact")
_HEADINGS = ("peer", "as keep", "measured", "seeds", "accuracy %", "held MiB", "÷ plain", "step ms",
             "÷ plain", "FLOPs ÷ plain")  # fmt: skip
# Metric of each axis, what it is called, and its unit.
_AXES = {
    "time": ("step_ratio", "step time ÷ plain's"),
    "bytes": ("saved_bytes", "held for backward ÷ plain's"),
}
Found = dict[str, dict[str, Summary]]
"""By label, then by metric."""


def peers_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """A line for each peer of a network."""
    return {_title(*pair): _lines(found) for pair, found in _found(rows).items()}


def peers_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Accuracy against step time and against bytes, a dot for each peer."""
    drawn: dict[str, list[Figure]] = {}
    for pair, found in _found(rows).items():
        for kind, (metric, words) in _AXES.items():
            alt = f"Accuracy of {pair[1]} on {pair[0]} and of its peers against {words}"
            name = file_name(*pair, "peers", kind)
            paint = partial(_paint, found=found, metric=metric, words=words)
            text = svg(name, paint, (6.4, 4.2))
            drawn.setdefault(_title(*pair), []).append(Figure(name, alt, text))
    return drawn


def _title(data: str, model: str) -> str:
    return f"{model} on {data} and its peers"


def _found(rows: Sequence[Row]) -> dict[tuple[str, str], Found]:
    """What was measured of each peer, those without costs left out."""
    settings: dict[tuple[str, str], dict[tuple[object, ...], dict[str, Summary]]] = {}
    for one in summarise(rows):
        mine = settings.setdefault((one.data, one.model), {})
        mine.setdefault((one.variant, one.keep, one.at), {})[one.metric] = one
    return {
        pair: {_label(of): of for of in mine.values() if "step_ratio" in of}
        for pair, mine in settings.items()
    }


def _label(of: Mapping[str, Summary]) -> str:
    one = of["step_ratio"]
    size = of["size"].mean if "size" in of else None
    return _WORDS[one.variant].format(keep=one.keep, size=size)


def _lines(found: Found) -> Lines:
    body = []
    for label, of in found.items():
        one, flops = of["test_accuracy"], of.get("relative_flops")
        plain = one.variant == "plain"
        body.append(
            (
                label,
                "" if one.at is None else f"{one.at:g}",
                "" if one.keep_measured is None else f"{one.keep_measured:.3f}",
                str(one.n),
                cell(one, 100, 1),
                f"{of['saved_bytes'].mean / MIB:.2f}",
                f"{_relative(found, of, 'saved_bytes'):.2f}",
                f"{1000 * of['step_seconds'].mean:.1f}",
                "1.00" if plain else cell(of["step_ratio"], 1, 2),
                "" if flops is None else f"{flops.mean:.2f}",
            )
        )
    return without_empty_columns(_HEADINGS, body)


def _relative(found: Found, of: Mapping[str, Summary], metric: str) -> float:
    """Over plain's; ratios are that already."""
    return of[metric].mean / found["plain"][metric].mean


def _paint(axes: Axes, found: Found, metric: str, words: str) -> None:
    for number, (label, of) in enumerate(found.items(), 1):
        one = of["test_accuracy"]
        colour = BAND if one.variant in _OURS else PLAIN if one.variant == "plain" else INK
        at, accuracy = _relative(found, of, metric), 100 * one.mean
        axes.errorbar(at, accuracy, 100 * (one.std or 0), fmt="o", color=colour, elinewidth=0.8,
                      label=f"{number} {label}")  # fmt: skip
        axes.annotate(str(number), (at, accuracy), (4, 3), textcoords="offset points", fontsize=8)
    log_scale(axes, "x")
    axes.set(title="Accuracy at a cost", xlabel=words, ylabel="test accuracy, last epoch (%)")
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8)


def peers_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "All were trained by one recipe with the same seeds. <b>as keep</b>: the peer was chosen "
        "to cost as much as a band of that keep promises. <b>resized</b> maps have as many samples "
        "as the band keeps coefficients; of a <b>width</b> the network has so many times the "
        "channels, and its FLOPs come nearest to that share of plain's; the <b>stems</b> halve the "
        "maps behind them. <b>FLOPs</b> are of a forward pass; those of bands are not counted."
    )
    yield (
        "<b>checkpoint</b> (each block computed again in backward) and the <b>exact policy</b> "
        "compute what the plain and the band-limited network compute, in less memory: their "
        "accuracy is that of the same training, not of another."
    )
    yield (
        "<b>held</b> is what the graph keeps allocated after forward and loss of one batch, "
        "whoever keeps it: not the peak of a step."
    )
    yield (
        f"Steps of all peers took turns in one process, {run.get('repeats')} times per seed; "
        "medians, on the first batch. They hold for this machine and what else it did."
    )
    yield (
        "What it does not show: the recipe was tuned for none of the peers. By default the network "
        "is half as wide as usual and sees a part of the data for a few epochs, so that it takes "
        "minutes; whether a peer is better by a point, the whole says: <code>passband study peers "
        "--option padding_mode=circular --limit 4000 --epochs 20 --seeds 5 --out DIR</code>."
    )
