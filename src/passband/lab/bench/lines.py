"""The table on the terminal: a line for each case and keep."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from passband.lab.bench.contender import WAYS
from passband.lab.bench.row import OURS, PLAIN, Row
from passband.lab.terminal import without_empty_columns

_MEANINGS = {
    "keep": "share of frequencies",
    **dict.fromkeys(("auto", *WAYS), "ratio by that plan, above 1 ours is faster"),
    "auto ch.last": "for maps in channels_last",
    **dict.fromkeys(("goal", "must"), "ratio wanted, ✓ if reached"),
    "way": "what auto took",
    "loss": "how much slower than the best plan that is",
    "× floor": "over the least time possible here",
    "peak MiB": "memory of a step",
    "÷ plain": "that over nn.Conv's",
}
Targets = Callable[[Row], tuple[float | None, float | None]]
"""Goal and must of a row of ours."""


def lines(rows: Sequence[Row], targets: Targets) -> list[tuple[str, ...]]:
    """A line of headings, then one for each case and keep of one command and dtype.

    Ratios are those to ``nn.Conv`` in its faster memory format. ``auto`` stands there for both of
    the input's formats, each single way and each peer for its better one. Of goal and must, those
    that are reached by the better ``auto`` have a tick. What stands after them is of that ``auto``
    too; its loss is the time that the best way would have saved, its last figure the peak memory
    over that of ``nn.Conv``. Columns in which nothing stands are left out.

    Args:
        rows: Of one command and dtype.
        targets: Goal and must of a row.
    """
    peers = list(dict.fromkeys(_who(row) for row in rows if not row.ours and _who(row) != PLAIN))
    headings = ("case", "keep", f"{PLAIN} ms", "auto", "auto ch.last", *WAYS, *peers,
                "goal", "must", "way", "loss", "× floor", "peak MiB", "÷ plain")  # fmt: skip
    body = []
    for case in dict.fromkeys(row.case for row in rows):
        mine = [row for row in rows if row.case == case]
        body += [
            _line([row for row in mine if row.keep in (None, keep)], peers, targets)
            for keep in dict.fromkeys(row.keep for row in mine if row.ours)
        ]
    return without_empty_columns(headings, body)


def legend(headings: Iterable[str], meanings: Mapping[str, str] = _MEANINGS) -> str:
    """What the headings mean, in one line.

    Args:
        headings: Those of a table.
        meanings: Of headings; those of ``lines`` by default.

    Example:
        >>> legend(["case", "keep", "fft", "dft"])
        'keep: share of frequencies; fft, dft: ratio by that plan, above 1 ours is faster'
    """
    named: dict[str, list[str]] = {}
    for heading in headings:
        if heading in meanings:
            named.setdefault(meanings[heading], []).append(heading)
    return "; ".join(f"{', '.join(names)}: {meaning}" for meaning, names in named.items())


def _line(rows: Sequence[Row], peers: Iterable[str], targets: Targets) -> tuple[str, ...]:
    by_name = {row.contender: row for row in rows}
    reference = min(_of(rows, PLAIN), key=lambda row: row.seconds)
    auto = max(_of(rows, f"{OURS} auto"), key=lambda row: row.ratio)
    goal, must = targets(auto)
    memory = reference.contender.removeprefix(f"{PLAIN} ").replace("channels_last", "ch.last")
    return (
        auto.case,
        f"{auto.keep:g}",
        f"{1e3 * reference.seconds:.3g}" + ("" if memory == "contiguous" else f" {memory}"),
        _ratio(by_name.get(f"{OURS} auto contiguous")),
        _ratio(by_name.get(f"{OURS} auto channels_last")),
        *(_ratio(_best(rows, f"{OURS} {way}")) for way in WAYS),
        *(_ratio(_best(rows, peer)) for peer in peers),
        _target(goal, auto.ratio),
        _target(must, auto.ratio),
        auto.way,
        "" if auto.loss is None else f"{auto.loss - 1:+.0%}",
        "" if not auto.floor_seconds else f"{auto.seconds / auto.floor_seconds:.3g}",
        "" if auto.peak_bytes is None else f"{auto.peak_bytes / 2**20:.3g}",
        _share(auto.peak_bytes, reference.peak_bytes),
    )


def _of(rows: Iterable[Row], who: str) -> list[Row]:
    return [row for row in rows if _who(row) == who]


def _best(rows: Iterable[Row], who: str) -> Row | None:
    return max(_of(rows, who), key=lambda row: row.ratio, default=None)


def _who(row: Row) -> str:
    """The contender without its memory format."""
    return row.contender.rpartition(" ")[0]


def _ratio(row: Row | None) -> str:
    return "" if row is None else f"{row.ratio:.2f}"


def _target(wanted: float | None, reached: float) -> str:
    return "" if wanted is None else f"{wanted:g}{' ✓' if reached >= wanted else ''}"


def _share(mine: int | None, its: int | None) -> str:
    return f"{mine / its:.2f}" if mine and its else ""
