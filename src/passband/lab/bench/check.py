"""Whether ours became slower against ``nn.Conv`` than in a reference table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from passband.lab.bench.row import Row
from passband.lab.checks import check_positive

TOLERANCE = 0.2
_FEW = 3  # repeats: a median of fewer is any one of them
_Key = tuple[str, str, str, float | None, str]


@dataclass(frozen=True)
class Verdict:
    """What a comparison found.

    Attributes:
        slower: Rows whose ratio fell by more than the tolerance, beside the reference's.
        compared: How many rows had a counterpart.
        new: Rows that the reference does not have.
        missing: The reference's rows of the measured cases that were not measured.
        machines: The machines of the reference, if they are others than this.
        noisy: Whether too few repeats were timed, now or for the reference.
    """

    slower: tuple[tuple[Row, Row], ...]
    compared: int
    new: tuple[Row, ...]
    missing: tuple[Row, ...]
    machines: tuple[str, ...]
    noisy: bool

    @property
    def passed(self) -> bool:
        """Whether something was compared, and nothing fell."""
        return self.compared > 0 and not self.slower


def compare(rows: Sequence[Row], reference: Sequence[Row], tolerance: float = TOLERANCE) -> Verdict:
    """Compares ratios, never seconds: of ours only, since peers may get faster or slower.

    Args:
        rows: Measured now.
        reference: Measured before. Counterparts agree in command, case, contender, keep and dtype.
        tolerance: By which share a ratio may fall.

    Raises:
        ValueError: The tolerance is negative.
    """
    check_positive("tolerance", tolerance, or_zero=True)
    now = {_key(row): row for row in rows if row.ours}
    before = {_key(row): row for row in reference if row.ours}
    both = [key for key in now if key in before]
    cases = {(row.command, row.case, row.dtype) for row in now.values()}
    here, there = ({row.machine for row in table} for table in (rows, reference))
    return Verdict(
        slower=tuple(
            (now[key], before[key])
            for key in both
            if now[key].ratio < before[key].ratio * (1 - tolerance)
        ),
        compared=len(both),
        new=tuple(row for key, row in now.items() if key not in before),
        missing=tuple(
            row
            for key, row in before.items()
            if key not in now and (row.command, row.case, row.dtype) in cases
        ),
        machines=() if here & there else tuple(sorted(there)),
        noisy=any(min(now[key].repeats, before[key].repeats) < _FEW for key in both),
    )


def told(verdict: Verdict, tolerance: float) -> list[str]:
    """The verdict in words: the slower rows last, where they are seen."""
    lines = []
    if verdict.machines:
        lines.append(f"check: the reference is of another machine: {'; '.join(verdict.machines)}")
    lines += _listed("without counterpart in the reference", verdict.new)
    lines += _listed("in the reference but not measured", verdict.missing)
    if verdict.noisy:
        lines.append(f"check: fewer than {_FEW} repeats, now or in the reference: ratios are noise")
    if not verdict.compared:
        lines.append("check: nothing could be compared")
    elif verdict.slower:
        lines.append(
            f"check: {len(verdict.slower)} of {verdict.compared} ratios fell by more than "
            f"{tolerance:.0%}:"
        )
        lines += [
            f"  {named(now)}: {now.ratio:.2f}, was {before.ratio:.2f} "
            f"({now.ratio / before.ratio - 1:+.0%})"
            for now, before in verdict.slower
        ]
    else:
        lines.append(f"check: none of {verdict.compared} ratios fell by more than {tolerance:.0%}")
    return lines


def _listed(what: str, rows: Iterable[Row]) -> list[str]:
    names = [f"  {named(row)}" for row in rows]
    return [f"check: {len(names)} rows {what}:", *names] if names else []


def named(row: Row) -> str:
    """A row in words."""
    keep = "" if row.keep is None else f", keep {row.keep:g}"
    return f"{row.command}, {row.case}, {row.contender}{keep}, {row.dtype}"


def _key(row: Row) -> _Key:
    return row.command, row.case, row.contender, row.keep, row.dtype
