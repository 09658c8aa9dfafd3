"""The figures: bytes against step time, and what nothing beats."""

import re
from collections.abc import Sequence

from matplotlib.axes import Axes

from passband.lab import drawing
from passband.lab.bench.memory.front import Kind, best, size
from passband.lab.bench.memory.lines import MIB, percent
from passband.lab.bench.memory.row import Row
from passband.lab.bench.memory.technique import BY_PYTORCH, PLAIN
from passband.lab.drawing import log_scale, svg

_SIZE = (8.4, 5.4)  # labels need room
_KINDS: dict[Kind, str] = {
    "saved": "held for backward (MiB)",
    "peak": "peak memory of a step (MiB)",
}


def draw(rows: Sequence[Row]) -> dict[str, str]:
    """A figure for saved bytes and one for the peak: SVG text by name."""
    figures = {}
    for kind, words in _KINDS.items():
        row = rows[0]
        name = re.sub(r"[^\w.-]+", "_", f"memory-{row.model}-{row.batch}-{kind}")
        title = f"{row.model}, batch {row.batch}: memory and step time"
        figures[name] = _figure(name, title, words, rows, kind)
    return figures


def _figure(name: str, title: str, words: str, rows: Sequence[Row], kind: Kind) -> str:
    """A dot with its name for each technique, strong and with its accuracy on the front."""
    some = [row for row in rows if size(row, kind)]  # none has no logarithm
    front = best(some, kind)

    def paint(axes: Axes) -> None:
        for row, on in zip(some, front, strict=True):
            at = row.ratio, size(row, kind) / MIB
            colour = drawing.PLAIN if row.technique in BY_PYTORCH else drawing.BAND
            strength = 1 if on else 0.5
            axes.plot(*at, "o", color=colour, alpha=strength)
            axes.annotate(_label(row, told=on or row.technique == PLAIN.name), at, (4, 4),
                          fontsize=6, alpha=strength, textcoords="offset points")  # fmt: skip
        for colour, whose in ((drawing.PLAIN, "PyTorch"), (drawing.BAND, "passband")):
            axes.plot([], [], "o", color=colour, label=whose)
        axes.set(title=title, xlabel="step time ÷ plain's", ylabel=words)
        for which in ("x", "y"):
            log_scale(axes, which)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.margins(0.15)
        axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.15))

    return svg(name, paint, _SIZE)


def _label(row: Row, *, told: bool) -> str:
    parts = [row.technique, "" if row.keep is None else f"{row.keep:g}"]
    accuracy = percent(row) if told else ""
    return " ".join(filter(None, parts)) + (f": {accuracy} %" if accuracy else "")
