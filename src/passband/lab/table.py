"""The results in a few lines: one per setting, numbers as a reader wants them."""

from collections.abc import Iterable

from passband.lab.results import Row, Summary, summarise
from passband.lab.terminal import without_empty_columns

MIB = 2**20

_Setting = tuple[str, float | None, float | None]  # variant, keep, at

_HEADINGS = (
    "keep",
    "measured",
    "density",
    "seeds",
    "accuracy %",
    "at best validation %",
    "saved MiB",
    "÷ plain",
    "step ms",
    "÷ plain",
)


_PLAIN = ("plain", None, None)


def tables(rows: Iterable[Row]) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """A table for each (data, model): a line of headings, then one for each variant and keep.

    A cell is a mean over seeds, ± one standard deviation. Columns for which nothing was measured
    are left out.
    """
    settings: dict[tuple[str, str], dict[_Setting, dict[str, Summary]]] = {}
    for one in summarise(rows):
        mine = settings.setdefault((one.data, one.model), {})
        mine.setdefault((one.variant, one.keep, one.at), {})[one.metric] = one
    return {
        pair: without_empty_columns(
            _HEADINGS,
            [
                _line(_words(*setting), found, mine.get(_PLAIN, {}))
                for setting, found in mine.items()
            ],
        )
        for pair, mine in settings.items()
    }


def cell(one: Summary | None, scale: float, digits: int) -> str:
    """Mean ± spread of a metric; empty if it was not measured."""
    if one is None:
        return ""
    mean = f"{scale * one.mean:.{digits}f}"
    return mean if one.std is None else f"{mean} ± {scale * one.std:.{digits}f}"


def _words(variant: str, keep: float | None, at: float | None) -> str:
    """A setting as the reader's eye finds it: by its keep, or by its name and number."""
    if keep is not None and variant == "band":
        return f"{keep:g}"
    return " ".join([variant, *(f"{x:g}" for x in (keep, at) if x is not None)])


def _line(setting: str, found: dict[str, Summary], plain: dict[str, Summary]) -> tuple[str, ...]:
    accuracy, saved = found.get("test_accuracy"), found.get("saved_bytes")
    seconds, ratio = found.get("step_seconds"), found.get("step_ratio")
    any_one = next(iter(found.values()))
    its = plain.get("saved_bytes")
    return (
        setting,
        "" if any_one.keep_measured is None else f"{any_one.keep_measured:.3f}",
        cell(found.get("density"), 1, 3),
        str(max(one.n for one in found.values())),
        cell(accuracy, 100, 1),
        cell(found.get("best_test_accuracy"), 100, 1),
        f"{saved.mean / MIB:.2f}" if saved else "",
        f"{saved.mean / its.mean:.2f}" if saved and its else "",
        f"{1000 * seconds.mean:.1f}" if seconds else "",
        # Plain's is 1 by definition; a spread of 0 would be no measurement.
        "1.00" if ratio and setting == "plain" else cell(ratio, 1, 2),
    )
