"""Tables and figures of the study ``noise``."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from passband.lab.data.noise import NOISES
from passband.lab.figures import Figure
from passband.lab.results import Row
from passband.lab.studies.pairs import by_pair
from passband.lab.studies.strength_shown import by_metric, strength_figure, strength_table
from passband.lab.studies.study import Lines

METRIC = "accuracy_"


def noise_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """For each (data, model) and noise the accuracies by network and strength."""
    return {
        _title(data, model, kind): strength_table(of_kind)
        for (data, model), mine in by_pair(rows).items()
        for kind, of_kind in by_metric(mine, METRIC).items()
    }


def noise_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """A drawing below each table."""
    return {
        _title(data, model, kind): [
            strength_figure(
                (data, model, "noise", kind), f"{model} on {data}: {kind}", of_kind,
                f"{NOISES[kind].unit}",
            )
        ]
        for (data, model), mine in by_pair(rows).items()
        for kind, of_kind in by_metric(mine, METRIC).items()
    }  # fmt: skip


def noise_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "Each network is tested in noise, all of one seed in the same, which is not clipped to the "
        "range of the data. Standard deviations are in units of the network's input: with the "
        "usual preprocessing the data's own is 1 over the training set."
    )
    yield (
        "<b>above plain from</b> is the strength from which on a network's mean accuracy is never "
        "below plain's, and somewhere above, among the strengths that were tested. It is of means: "
        "where they differ by less than the seeds do, or both are at chance, it says little. What "
        "a network loses at the least strength is its price."
    )
    if any("+" in row.variant for row in rows):
        yield (
            "<b>+0.5</b>: trained in noise of that strength. It is what one does against noise "
            "that one expects, and the measure of what a band is worth; the others know of none."
        )
    yield (
        "Noise is random: accuracy in it says nothing about attacks, which the study "
        "<b>attacks</b> measures."
    )


def _title(data: str, model: str, kind: str) -> str:
    return f"{model} on {data}: {kind} ({NOISES[kind].unit})"
