"""Rows of a benchmark's table, written by hand."""

from passband.lab.bench.row import Row


def bench_row(
    contender: str = "passband auto contiguous",
    ratio: float = 2.0,
    *,
    command: str = "conv",
    group: str = "small",
    case: str = "layer",
    keep: float | None = 0.5,
    dtype: str = "float32",
    seconds: float | None = None,
    peak: int | None = None,
    way: str = "",
    loss: float | None = None,
    machine: str = "abacus",
    repeats: int = 7,
) -> Row:
    """A row in which ``nn.Conv`` takes 12 ms, if not said otherwise."""
    time = 0.012 / ratio if seconds is None else seconds
    measured = None if keep is None else keep - 0.01
    return Row(
        command, group, case, contender, keep, measured, dtype, time, 0.9 * time, 1.1 * time,
        ratio, time / 4, peak, 1000, way, loss, repeats, "cpu", machine, "2.13.0", 2, "2026-01-31",
    )  # fmt: skip
