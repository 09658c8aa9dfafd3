"""The results in a few lines: one per keep, numbers as a reader wants them."""

from collections.abc import Iterable

from passband.lab.results import Row, Summary, summarise
from passband.lab.terminal import without_empty_columns

MIB = 2**20

_HEADINGS = (
    "keep",
    "measured",
    "seeds",
    "accuracy %",
    "saved MiB",
    "÷ plain",
    "step ms",
    "÷ plain",
)


def tables(rows: Iterable[Row]) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """A table for each (data, model): a line of headings, then one for each keep.

    A cell is a mean over seeds, ± one standard deviation. Columns for which nothing was measured
    are left out.
    """
    settings: dict[tuple[str, str], dict[float | None, dict[str, Summary]]] = {}
    for one in summarise(rows):
        keeps = settings.setdefault((one.data, one.model), {})
        keeps.setdefault(one.keep, {})[one.metric] = one
    return {
        pair: without_empty_columns(
            _HEADINGS, [_line(keep, found, keeps.get(None, {})) for keep, found in keeps.items()]
        )
        for pair, keeps in settings.items()
    }


def _line(
    keep: float | None, found: dict[str, Summary], plain: dict[str, Summary]
) -> tuple[str, ...]:
    accuracy, saved = found.get("test_accuracy"), found.get("saved_bytes")
    seconds, ratio = found.get("step_seconds"), found.get("step_ratio")
    any_one = next(iter(found.values()))
    its = plain.get("saved_bytes")
    return (
        "plain" if keep is None else f"{keep:g}",
        "" if any_one.keep_measured is None else f"{any_one.keep_measured:.3f}",
        str(max(one.n for one in found.values())),
        _spread(accuracy, 100, 1),
        f"{saved.mean / MIB:.2f}" if saved else "",
        f"{saved.mean / its.mean:.2f}" if saved and its else "",
        f"{1000 * seconds.mean:.1f}" if seconds else "",
        # Plain's is 1 by definition; a spread of 0 would be no measurement.
        "1.00" if ratio and keep is None else _spread(ratio, 1, 2),
    )


def _spread(one: Summary | None, scale: float, digits: int) -> str:
    if one is None:
        return ""
    mean = f"{scale * one.mean:.{digits}f}"
    return mean if one.std is None else f"{mean} ± {scale * one.std:.{digits}f}"
