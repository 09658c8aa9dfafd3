"""The tables on the terminal: a line for each technique."""

from collections.abc import Sequence

from passband.lab.bench.memory.front import best
from passband.lab.bench.memory.limit import Limit
from passband.lab.bench.memory.row import Row
from passband.lab.bench.memory.technique import PLAIN
from passband.lab.terminal import without_empty_columns

MIB = 2**20
MEANINGS = {
    "keep": "share of frequencies",
    "saved MiB": "held for backward",
    "peak MiB": "most memory of a step, with weights, momentum and batch",
    "÷ plain": "the figure before over that of plain",
    "÷ promised": "peak over weights, gradients, momentum and what is held",
    "accuracy %": "on test data, after a fixed budget",
    "✓": "on the front: nothing has less of it, faster steps and higher accuracy",
}


def lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """A line of headings, then one for each technique, of one network and batch."""
    headings = ("technique", "keep", "saved MiB", "÷ plain", "peak MiB", "÷ plain", "÷ promised",
                "step ms", "÷ plain", "accuracy %")  # fmt: skip
    saved, peak = best(rows, "saved"), best(rows, "peak")
    (plain,) = (row for row in rows if row.technique == PLAIN.name)
    return without_empty_columns(headings, [
        (
            row.technique,
            _keep(row.keep),
            _mib(row.saved_bytes) + " ✓" * on_saved,
            _over(row.saved_bytes, plain.saved_bytes),
            _mib(row.peak_bytes) + " ✓" * on_peak,
            _over(row.peak_bytes, plain.peak_bytes),
            _over(row.peak_bytes, row.promised_bytes),
            f"{1e3 * row.seconds:.3g}",
            f"{row.ratio:.2f}",
            percent(row),
        )
        for row, on_saved, on_peak in zip(rows, saved, peak, strict=True)
    ])  # fmt: skip


def limit_lines(found: Sequence[Limit]) -> list[tuple[str, ...]]:
    """A line of headings, then one for each technique, of one network and limit."""
    headings = ("technique", "keep", "largest batch", "÷ plain", "peak MiB")
    plain = next((one.batch for one in found if one.technique == PLAIN.name), 0)
    return without_empty_columns(headings, [
        (
            one.technique,
            _keep(one.keep),
            str(one.batch),
            _over(one.batch, plain),
            "" if one.peak_bytes is None else _mib(one.peak_bytes),
        )
        for one in found
    ])  # fmt: skip


def percent(row: Row) -> str:
    """Accuracy in percent, with its spread; empty if nothing was trained."""
    if row.accuracy is None:
        return ""
    mean = f"{100 * row.accuracy:.1f}"
    return mean if row.spread is None else f"{mean} ± {100 * row.spread:.1f}"


def _keep(keep: float | None) -> str:
    return "" if keep is None else f"{keep:g}"


def _mib(count: int) -> str:
    return f"{count / MIB:.4g}"


def _over(mine: float, its: float) -> str:
    return f"{mine / its:.2f}" if its else ""
