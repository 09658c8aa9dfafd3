"""The checks of attacks as a table: PASS, FAIL or neither, with the numbers that say so."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from passband.lab.results import Row
from passband.lab.studies.strength_shown import network
from passband.lab.studies.study import Lines

_NEAR = 1.05  # of norms
_SLACK = 0.02  # of accuracies of few samples; of a loss, the share that it may fall back
_RANDOM = 0.1  # that share, of a random network; also how far its norms may be apart

Numbers = Mapping[str, Mapping[float | None, float]]
"""Of one network and seed: values by metric, then by ``at``."""


class Verdict(NamedTuple):
    """What a check says of one network and seed.

    Attributes:
        good: Whether it is passed; None where it says nothing, as of an attack that did nothing.
        shown: The numbers that say so.
    """

    good: bool | None
    shown: str


def checks_table(rows: Sequence[Row]) -> Lines:
    """A line for each check, a column for each network; empty where nothing was checked.

    A cell has the numbers of the first seed, or of the first one that decides it.
    """
    found: dict[str, dict[int, dict[str, dict[float | None, float]]]] = {}
    for row in rows:
        seeds = found.setdefault(network(row), {})
        seeds.setdefault(row.seed, {}).setdefault(row.metric, {})[row.at] = row.value
    table: Lines = [("check", *found)]
    for words, check in _CHECKS.items():
        cells = [_cell(check(one) for one in seeds.values()) for seeds in found.values()]
        if any(cells):
            table.append((words, *cells))
    return table if len(table) > 1 else []


def _cell(verdicts: Iterable[Verdict | None]) -> str:
    made = [one for one in verdicts if one is not None]
    if not made:
        return ""
    for good, word in ((False, "FAIL"), (True, "PASS")):
        these = [one for one in made if one.good is good]
        if these:
            every = good and len(these) == len(made)
            several = f" ({len(these)} of {len(made)} seeds)" if len(made) > 1 and not every else ""
            return f"{word} {these[0].shown}{several}"
    return f"says nothing {made[0].shown}"


def _loss_rises(of: Numbers) -> Verdict | None:
    losses = list(of.get("check_loss", {}).values())
    if not losses:
        return None
    whole = losses[-1] - losses[0]
    falls = max((a - b for a, b in pairwise(losses)), default=0.0)
    shown = f"{losses[0]:.2g} → {losses[-1]:.2g}"
    share = _RANDOM if "check_chance" in of else _SLACK
    return Verdict(whole > 0 and falls <= share * whole, shown)


def _more_steps_help(of: Numbers) -> Verdict | None:
    few, usual, _ = _steps(of)
    if few is None or usual is None:
        return None
    return _told(
        of, few == usual, usual <= few + _chance(of), f"{_percent(few)} → {_percent(usual)}"
    )


def _steps_are_enough(of: Numbers) -> Verdict | None:
    _, usual, many = _steps(of)
    if usual is None or many is None:
        return None
    enough = usual - many <= max(_SLACK, _chance(of))
    return _told(of, usual == many, enough, f"{_percent(usual)} → {_percent(many)}")


def _told(of: Numbers, tie: bool, good: bool, shown: str) -> Verdict:
    """A verdict, but on a tie where the attack does no more than noise."""
    _, own, _ = _steps(of)
    noise = next(iter(of.get("check_noise", {}).values()), 1.0)
    return Verdict(None if tie and own is not None and own >= noise else good, shown)


def _chance(of: Numbers) -> float:
    """By how much accuracies of a random network may differ by chance; 0 of others."""
    apart = next(iter(of.get("check_chance", {}).values()), None)
    return 0.0 if apart is None else _SLACK + apart


def _steps(of: Numbers) -> tuple[float | None, float | None, float | None]:
    """Accuracies after a quarter of the steps, all of them, and twice as many."""
    found = of.get("check_steps", {})
    values = [found[at] for at in sorted(found, key=lambda at: at or 0)]
    if len(values) == 2:  # a single step has no quarter
        return None, values[0], values[1]
    return (values[0], values[1], values[2]) if len(values) == 3 else (None, None, None)


def _no_better_from_outside(of: Numbers) -> Verdict | None:
    return _no_less(of, "check_transfer")


def _noise_does_less(of: Numbers) -> Verdict | None:
    return _no_less(of, "check_noise")


def _no_less(of: Numbers, metric: str) -> Verdict | None:
    """Whether something else leaves no less than the attack."""
    _, own, _ = _steps(of)
    other = next(iter(of.get(metric, {}).values()), None)
    if own is None or other is None:
        return None
    good = other >= own - _chance(of)
    sign = "≥" if other >= own else "≈" if good else "<"
    return _told(of, other == own, good, f"{_percent(other)} {sign} {_percent(own)}")


def _nothing_left(of: Numbers) -> Verdict | None:
    values = of.get("check_large", {})
    most = _chance(of)
    return next((Verdict(left <= most, _percent(left)) for left in values.values()), None)


def _steps_beat_one(of: Numbers) -> Verdict | None:
    one = of.get("accuracy_fgsm", {})
    all_of = [of.get(f"accuracy_{name}", {}) for name in ("pgd", "pgd-bpda", "pgd-eot")]
    many = {at: min(found[at] for found in all_of if at in found) for at in set().union(*all_of)}
    gaps = [(many[at] - value, value, many[at]) for at, value in one.items() if at in many]
    if not gaps:
        return None
    clean = next(iter(of.get("accuracy_clean", {}).values()), 2.0)
    did = [gap for gap in gaps if min(gap[1:]) < clean]
    gap, single, several = max(did or gaps)
    good = gap <= max(_SLACK, _chance(of)) if did else None
    return Verdict(good, f"{_percent(single)} → {_percent(several)}")


def _gradients_beat_decisions(of: Numbers) -> Verdict | None:
    return _no_larger(of, "boundary", 1.0)


def _searches_beat_lines(of: Numbers) -> Verdict | None:
    return _no_larger(of, "deepfool", _NEAR)


def _no_larger(of: Numbers, other: str, times: float) -> Verdict | None:
    """Whether the median norm of ``cw`` is at most so many times another's."""
    one, its = (
        next(iter(of.get(f"median_l2_{name}", {}).values()), None) for name in ("cw", other)
    )
    if one is None or its is None:
        return None
    good = None if one == its == math.inf else one <= times * its
    if "check_chance" in of and good is False:
        good = one <= (times + _RANDOM) * its
    return Verdict(good, f"{one:.3g}, {its:.3g}")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


_CHECKS: dict[str, Callable[[Numbers], Verdict | None]] = {
    "loss rises": _loss_rises,
    "more steps help": _more_steps_help,
    "steps are enough": _steps_are_enough,
    "pgd ≤ fgsm": _steps_beat_one,
    "0 at a large epsilon": _nothing_left,
    "noise ≥ pgd": _noise_does_less,
    "transfer ≥ pgd": _no_better_from_outside,
    "cw ≤ deepfool": _searches_beat_lines,
    "cw ≤ boundary": _gradients_beat_decisions,
}
