"""Tables, figures and notes of the study ``resources``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from passband.lab.curves import curves, legend
from passband.lab.drawing import log_scale
from passband.lab.figures import MIB, Figure, figure
from passband.lab.results import Row
from passband.lab.studies.study import Lines

_HEADINGS = ("side", "batch", "way", "keep", "measured", "held MiB", "÷ plain", "peak MiB",
             "÷ plain", "÷ FFT", "step ms", "÷ plain", "÷ FFT")  # fmt: skip
# By metric: title, label of the axis, and of what the lines are.
_AGAINST_KEEP = {
    "step_ratio": ("Time over plain's", "step time ÷ plain's", "band"),
    "relative_held": ("Memory held over plain's", "held for backward ÷ plain's", "band"),
    "relative_time": ("Time over FFT at keep 1", "time ÷ FFT's at keep 1", "fft"),
    "relative_memory": ("Memory over FFT at keep 1", "peak ÷ FFT's at keep 1", "fft"),
}
Cell = tuple[str, float, str, float | None]
"""Side, batch, way and keep."""


def resources_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """A line for each size, batch, way and keep."""
    tables: dict[str, Lines] = {}
    for pair, found in _found(rows).items():
        lines: Lines = [_HEADINGS]
        for (side, batch, way, keep), of in found.items():
            plain = found[side, batch, "plain", None]
            lines.append(
                (
                    side,
                    f"{batch:g}",
                    way,
                    "" if keep is None else f"{keep:g}",
                    "" if keep is None else f"{of['keep_measured']:.3f}",
                    f"{of['saved_bytes'] / MIB:.2f}",
                    f"{of['saved_bytes'] / plain['saved_bytes']:.2f}",
                    f"{of['peak_bytes'] / MIB:.2f}",
                    f"{of['peak_bytes'] / plain['peak_bytes']:.2f}",
                    f"{of['relative_memory']:.2f}",
                    f"{1000 * of['step_seconds']:.1f}",
                    f"{of['step_ratio']:.2f}",
                    f"{of['relative_time']:.2f}",
                )
            )
        tables[_title(*pair)] = lines
    return tables


def _title(data: str, model: str) -> str:
    return f"A step of {model}, maps as of {data}"


def _found(rows: Sequence[Row]) -> dict[tuple[str, str], dict[Cell, dict[str, float]]]:
    """What was measured, by network and setting; with it what is held over plain."""
    found: dict[tuple[str, str], dict[Cell, dict[str, float]]] = {}
    for row in rows:
        way, _, side = row.variant.partition("/")
        cells = found.setdefault((row.data, row.model), {})
        of = cells.setdefault((side, row.at or 0, way, row.keep), {})
        of[row.metric] = row.value
        of["keep_measured"] = 1.0 if row.keep_measured is None else row.keep_measured
    for cells in found.values():
        for (side, batch, _, _), of in cells.items():
            of["relative_held"] = (
                of["saved_bytes"] / cells[side, batch, "plain", None]["saved_bytes"]
            )
    return found


def resources_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Ratios against measured keep, a line for each size and batch; bytes against the batch."""
    drawn = {}
    for (data, model), found in _found(rows).items():
        mine = [
            figure(
                (data, model, "resources", metric),
                f"{title} of {model} against measured keep",
                partial(_against_keep, found=found, metric=metric),
            )
            for metric, (title, _, _) in _AGAINST_KEEP.items()
        ]
        words = data, model, "resources", "bytes"
        alt = f"Bytes that {model} holds for backward against the batch"
        mine.append(figure(words, alt, partial(_against_batch, found=found)))
        drawn[_title(data, model)] = mine
    return drawn


def _against_keep(axes: Axes, found: Mapping[Cell, Mapping[str, float]], metric: str) -> None:
    title, words, way = _AGAINST_KEEP[metric]
    lines: dict[str, list[tuple[float, float]]] = {}
    for (side, batch, its, _), of in found.items():
        if its == way:
            at = 100 * of["keep_measured"], of[metric]
            lines.setdefault(f"{side} px, batch {batch:g}", []).append(at)
    curves(axes, lines)
    axes.axhline(1, color="#888888", linestyle="--", linewidth=1)
    axes.set(title=title, xlabel="measured keep (% of the half spectrum)", ylabel=words,
             xlim=(0, 103))  # fmt: skip
    axes.set_ylim(bottom=0)
    legend(axes)


def _against_batch(axes: Axes, found: Mapping[Cell, Mapping[str, float]]) -> None:
    largest = max((side for side, *_ in found), key=int)
    lines: dict[str, list[tuple[float, float]]] = {}
    plain: list[tuple[float, float]] = []
    for (side, batch, way, keep), of in found.items():
        if side != largest or way == "fft":
            continue
        at = batch, of["saved_bytes"]
        if keep is None:
            plain.append(at)
        else:
            lines.setdefault(f"keep {keep:g}", []).append(at)
    curves(axes, lines, plain=plain, scale=1 / MIB)
    axes.set(title=f"Memory held, {largest} px", xlabel="batch", ylabel="held for backward (MiB)")
    log_scale(axes)
    log_scale(axes, "x")
    legend(axes)


def resources_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "Nothing was trained: steps are of fresh weights on random maps. <b>band</b> is computed "
        "as the library does by default; <b>fft</b> all by FFT, with the paper's transform lengths "
        "(powers of two), as at <b>keep 1</b>, which is what the paper's figure 6 divides by. "
        "<code>nn.Conv</code>, the plain network, is what one would use instead."
    )
    yield (
        "<b>held</b> is what the graph keeps allocated after forward and loss, <b>peak</b> the "
        "most that a step allocates at a time beside weights, optimiser and batch. The paper's "
        "memory is what a GPU's driver reports, weights and caches included; its time is that of "
        "an epoch, with loading. So the shapes can be compared, not the numbers."
    )
    yield (
        f"Steps of one size and batch took turns in one process, {run.get('repeats')} times; "
        "medians. They hold for this machine and what else it did."
    )
