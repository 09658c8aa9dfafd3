"""Tables and figures of the study ``convergence``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes

from passband.lab.curves import curves, legend
from passband.lab.drawing import log_scale
from passband.lab.figures import Figure, figure
from passband.lab.notes import timed
from passband.lab.results import Row, summarise
from passband.lab.studies.by_epoch import by_epoch, points
from passband.lab.studies.pairs import by_pair, pair_title
from passband.lab.studies.study import Lines
from passband.lab.table import cell
from passband.lab.terminal import without_empty_columns

_HEADINGS = ("keep", "measured", "seeds", "training loss", "accuracy %", "epochs to plain's loss",
             "plain's to this", "step ms", "÷ plain", "epoch s", "s to plain's loss")  # fmt: skip


def convergence_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """What each keep came to, and how long it took to plain's last loss."""
    return {
        pair_title(*pair): without_empty_columns(
            _HEADINGS, [_line(keep, mine) for keep in dict.fromkeys(row.keep for row in mine)]
        )
        for pair, mine in by_pair(rows).items()
    }


def convergence_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Loss and accuracy, by epoch and, where steps were timed, by seconds."""
    drawn = {}
    for pair, mine in by_pair(rows).items():
        figures = [by_epoch(mine, metric, _named) for metric in ("train_loss", "test_accuracy")]
        if seconds := _seconds(mine):
            figures += [
                figure(
                    (*pair, "by-seconds", metric),
                    f"{words} of {pair[1]} on {pair[0]} by seconds of training",
                    partial(_by_seconds, seconds=seconds, words=words, scale=scale,
                            rows=[row for row in mine if row.metric == metric and row.epoch]),
                )
                for metric, words, scale in (
                    ("train_loss", "Training loss", 1), ("test_accuracy", "Accuracy", 100),
                )
            ]  # fmt: skip
        drawn[pair_title(*pair)] = figures
    return drawn


def convergence_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "<b>Epochs to plain's loss</b>: after how many the mean training loss of an epoch is, for "
        "the first time, no higher than plain's in its last, seed by seed; in brackets how many "
        "seeds came there at all, if not every one did. <b>Plain's to this</b> is the other way "
        "round: after how many epochs plain is where this one ends. These are losses in training: "
        "which accuracy goes with them, the other figure shows."
    )
    yield (
        "A schedule of the learning rate ends with the last epoch, so the same network trained for "
        "fewer epochs would come down earlier than the lines show."
    )
    if any(row.metric == "step_seconds" for row in rows):
        yield timed(run)
        yield (
            "Seconds are epochs times steps times the median step: loading of data, validation and "
            "all else that a training does beside its steps is not in them."
        )


def epochs_to(
    rows: Sequence[Row], keep: float | None, of: float | None = None
) -> dict[int, int | None]:
    """Epochs until the training loss is that of another's last epoch, by seed; None if never.

    Args:
        rows: Of one (data, model).
        keep: Of the training; None is plain's.
        of: Of the other.
    """
    losses: dict[tuple[float | None, int], list[float]] = {}
    for row in rows:
        if row.metric == "train_loss":
            losses.setdefault((row.keep, row.seed), []).append(row.value)
    return {
        seed: next((n for n, loss in enumerate(mine, 1) if loss <= losses[of, seed][-1]), None)
        for (its, seed), mine in losses.items()
        if its == keep and (of, seed) in losses
    }


def _named(row: Row) -> str:
    return "plain" if row.keep is None else f"keep {row.keep:g}"


def _line(keep: float | None, rows: Sequence[Row]) -> tuple[str, ...]:
    found = {one.metric: one for one in summarise(rows) if one.keep == keep}
    to, back = epochs_to(rows, keep), epochs_to(rows, None, keep)
    seconds = _seconds(rows).get(keep)
    ratio = found.get("step_ratio")
    measured = found["train_loss"].keep_measured
    return (
        "plain" if keep is None else f"{keep:g}",
        "" if measured is None else f"{measured:.3f}",
        str(found["train_loss"].n),
        cell(found["train_loss"], 1, 4),
        cell(found.get("test_accuracy"), 100, 1),
        _reached(to),
        _reached(back),
        cell(found.get("step_seconds"), 1000, 1),
        # Plain's is 1 by definition; a spread of 0 would be no measurement.
        "1.00" if ratio and keep is None else cell(ratio, 1, 2),
        "" if seconds is None else f"{seconds:.2f}",
        "" if seconds is None else _reached(to, seconds),
    )


def _reached(epochs: Mapping[int, int | None], seconds: float = 1) -> str:
    """The mean over the seeds that came there, and how many of all did."""
    there = [n for n in epochs.values() if n is not None]
    if not there:
        return "never"
    some = f" ({len(there)} of {len(epochs)})" if len(there) < len(epochs) else ""
    return f"{seconds * fmean(there):.3g}{some}"


def _seconds(rows: Sequence[Row]) -> dict[float | None, float]:
    """Of an epoch, by keep: the mean over seeds; empty if nothing was timed."""
    means = {(one.keep, one.metric): one.mean for one in summarise(rows)}
    return {
        keep: means[keep, "steps"] * seconds
        for (keep, metric), seconds in means.items()
        if metric == "step_seconds"
    }


def _by_seconds(
    axes: Axes,
    rows: Sequence[Row],
    seconds: Mapping[float | None, float],
    words: str,
    scale: float,
) -> None:
    lines, plain = points(rows, _named, lambda row: (row.epoch or 0) * seconds[row.keep])
    curves(axes, lines, plain, scale=scale)
    ylabel = "test accuracy (%)" if scale == 100 else "mean cross entropy (nats)"
    axes.set(title=words, xlabel="seconds of training steps", ylabel=ylabel)
    if scale == 1 and all(row.value > 0 for row in rows):
        log_scale(axes)
    legend(axes)
