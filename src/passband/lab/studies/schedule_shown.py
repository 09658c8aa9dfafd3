"""Tables and figures of the study ``schedule``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes

from passband.lab.curves import curves, legend, plain_across
from passband.lab.figures import Figure, figure
from passband.lab.results import Row, summarise
from passband.lab.studies.by_epoch import by_epoch
from passband.lab.studies.pairs import by_pair, pair_title
from passband.lab.studies.study import Lines
from passband.lab.table import cell

_HEADINGS = ("band", "seeds", "keep at the end", "mean keep", "accuracy %", "training loss")


def schedule_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """What each band came to, and what it kept on the way."""
    return {
        pair_title(*pair): [_HEADINGS, *(_line(name, of) for name, of in _by_band(mine).items())]
        for pair, mine in by_pair(rows).items()
    }


def schedule_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Accuracy and band by epoch, and the last accuracy against the mean keep."""
    return {
        pair_title(*pair): [
            by_epoch(mine, "test_accuracy", _named),
            by_epoch(mine, "keep_measured", _named),
            figure(
                (*pair, "mean-keep"),
                f"Last test accuracy of {pair[1]} on {pair[0]} against the mean keep in training",
                partial(_against_mean, rows=mine),
            ),
        ]
        for pair, mine in by_pair(rows).items()
    }


def schedule_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "<b>a → b</b> is a band that begins with keep a, moves in equal steps with each epoch, has "
        "keep b from half of the epochs on, and is tested with it; <b>keep b</b> has it "
        "throughout. All are trained by the same recipe, made for none of them."
    )
    yield (
        "<b>Keep at the end</b> and <b>mean keep</b> are measured, after rounding to whole "
        "frequencies: the mean over epochs says what the training kept as a whole. Steps do not "
        "take time in proportion to it: what a step takes at each keep, the study rates says."
    )


def mean_keep(rows: Sequence[Row]) -> float:
    """What bands kept in the mean over epochs and seeds; the plain network keeps everything.

    Args:
        rows: Of one setting.
    """
    kept = [row.value for row in rows if row.metric == "keep_measured" and row.epoch]
    return fmean(kept) if kept else 1.0


def _by_band(rows: Sequence[Row]) -> dict[str, list[Row]]:
    bands: dict[str, list[Row]] = {}
    for row in rows:
        bands.setdefault(_named(row), []).append(row)
    return bands


def _named(row: Row) -> str:
    if row.keep is None:
        return "plain"
    return f"keep {row.keep:g}" if row.at is None else f"{row.at:g} → {row.keep:g}"


def _line(name: str, rows: Sequence[Row]) -> tuple[str, ...]:
    found = {one.metric: one for one in summarise(rows)}
    end = found.get("keep_measured")
    return (
        name,
        str(found["test_accuracy"].n),
        "" if end is None else f"{end.mean:.3f}",
        f"{mean_keep(rows):.3f}",
        cell(found["test_accuracy"], 100, 1),
        cell(found["train_loss"], 1, 4),
    )


def _against_mean(axes: Axes, rows: Sequence[Row]) -> None:
    lines: dict[str, list[tuple[float, float]]] = {}
    for name, mine in _by_band(rows).items():
        last = max(row.epoch or 0 for row in mine)
        kept = 100 * mean_keep(mine)
        lines[name] = [
            (kept, row.value)
            for row in mine
            if row.metric == "test_accuracy" and row.epoch == last
        ]  # fmt: skip
    plain_across(axes, [right for _, right in lines.pop("plain")], scale=100)
    curves(axes, lines, scale=100)
    axes.set(title="Accuracy against the mean keep", xlabel="mean measured keep in training (%)",
             ylabel="test accuracy, last epoch (%)", xlim=(0, 103))  # fmt: skip
    axes.yaxis.set_major_formatter("{x:g}")
    legend(axes)
