"""Rows of the table of ways to train in less memory, written by hand."""

from passband.lab.bench.memory.row import Row

MIB = 2**20


def memory_row(
    technique: str = "plain",
    keep: float | None = None,
    *,
    ratio: float = 1.0,
    saved: int = 100 * MIB,
    peak: int = 200 * MIB,
    accuracy: float | None = None,
    spread: float | None = None,
) -> Row:
    """A row in which weights are 10 MiB and plain takes half a second, if not said otherwise."""
    seconds, measured = ratio / 2, None if keep is None else keep - 0.01
    trained = ("", 0, 0) if accuracy is None else ("digits", 1, 1)
    return Row(
        "resnet18", 32, technique, keep, measured, seconds, 0.9 * seconds, 1.1 * seconds, ratio,
        saved, peak, saved + 30 * MIB, *trained, accuracy, spread, 7, "cpu", "abacus", "2.13.0", 2,
        "2026-01-31",
    )  # fmt: skip
