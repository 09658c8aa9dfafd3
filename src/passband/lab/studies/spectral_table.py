"""Spectral networks in a few lines, the plain one that they are compared with first."""

from collections.abc import Sequence

from passband.lab.figures import MIB
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.spectral import by_plain, group_title
from passband.lab.studies.study import Lines
from passband.lab.table import cell
from passband.lab.terminal import without_empty_columns

_HEADINGS = ("model", "beta", "density", "seeds", "accuracy %", "error ÷ plain", "saved MiB",
             "÷ plain", "step ms", "÷ plain")  # fmt: skip


def spectral_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """A table for each plain network: itself, and its spectral ones at each beta.

    A cell is a mean over seeds at the last epoch, ± one standard deviation.
    """
    return {group_title(*group): _lines(mine) for group, mine in by_plain(rows).items()}


def _lines(rows: Sequence[Row]) -> Lines:
    settings: dict[tuple[str, float | None], dict[str, Summary]] = {}
    for one in summarise(rows):
        model = "plain" if one.variant == "plain" else one.model
        settings.setdefault((model, one.beta), {})[one.metric] = one
    return without_empty_columns(
        _HEADINGS,
        [
            (
                model,
                "" if beta is None else f"{beta:g}",
                cell(found.get("density"), 1, 3),
                str(max(one.n for one in found.values())),
                cell(found.get("test_accuracy"), 100, 1),
                _relative(found.get("relative_error"), model),
                _mean(found.get("saved_bytes"), 1 / MIB, 2),
                _relative(found.get("relative_memory"), model),
                _mean(found.get("step_seconds"), 1000, 1),
                _relative(found.get("step_ratio"), model),
            )
            for (model, beta), found in settings.items()
        ],
    )


def _mean(one: Summary | None, scale: float, digits: int) -> str:
    return f"{scale * one.mean:.{digits}f}" if one else ""


def _relative(one: Summary | None, model: str) -> str:
    # Plain's is 1 by definition; a spread of 0 would be no measurement.
    return "1.00" if one and model == "plain" else cell(one, 1, 2)
