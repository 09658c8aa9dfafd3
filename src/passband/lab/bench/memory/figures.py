"""The figures: bytes against step time, and the front of what nothing beats."""

import re
from collections.abc import Sequence

from matplotlib.axes import Axes

from passband.lab import drawing
from passband.lab.bench.memory.front import on_front
from passband.lab.bench.memory.lines import MIB, percent
from passband.lab.bench.memory.row import Row
from passband.lab.bench.memory.technique import BY_PYTORCH, PLAIN
from passband.lab.drawing import log_scale, svg

_SIZE = (7.2, 4.6)  # labels need room
_KINDS = {"saved": "held for backward (MiB)", "peak": "peak memory of a step (MiB)"}


def draw(rows: Sequence[Row]) -> dict[str, str]:
    """A figure for saved bytes and one for the peak: SVG text by name."""
    figures = {}
    for kind, words in _KINDS.items():
        row = rows[0]
        name = re.sub(r"[^\w.-]+", "_", f"memory-{row.model}-{row.batch}-{kind}")
        title = f"{row.model}, batch {row.batch}: memory and step time"
        figures[name] = _figure(name, title, words, [(_bytes(row, kind), row) for row in rows])
    return figures


def _bytes(row: Row, kind: str) -> int:
    return row.saved_bytes if kind == "saved" else row.peak_bytes


def _figure(name: str, title: str, words: str, counted: Sequence[tuple[int, Row]]) -> str:
    """Dots of techniques, a line through those on the front, which have labels as plain has."""
    some = [(count / MIB, row) for count, row in counted if count]  # none has no logarithm
    front = on_front([(size, row.ratio) for size, row in some])

    def paint(axes: Axes) -> None:
        best = sorted((row.ratio, size) for (size, row), on in zip(some, front, strict=True) if on)
        axes.plot(*zip(*best, strict=True), color=drawing.INK, linewidth=1, drawstyle="steps-post",
                  alpha=0.5)  # fmt: skip
        for (size, row), on in zip(some, front, strict=True):
            colour = drawing.PLAIN if row.technique in BY_PYTORCH else drawing.BAND
            axes.plot(row.ratio, size, "o", color=colour, alpha=1 if on else 0.45)
            if on or row.technique == PLAIN.name:
                axes.annotate(_label(row), (row.ratio, size), (4, 4), fontsize=7,
                              textcoords="offset points")  # fmt: skip
        for colour, whose in ((drawing.PLAIN, "PyTorch"), (drawing.BAND, "passband")):
            axes.plot([], [], "o", color=colour, label=whose)
        axes.set(title=title, xlabel="step time ÷ plain's", ylabel=words)
        for which in ("x", "y"):
            log_scale(axes, which)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.margins(0.15)
        axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.15))

    return svg(name, paint, _SIZE)


def _label(row: Row) -> str:
    parts = [row.technique, "" if row.keep is None else f"{row.keep:g}"]
    accuracy = percent(row)
    return " ".join(filter(None, parts)) + (f": {accuracy} %" if accuracy else "")
