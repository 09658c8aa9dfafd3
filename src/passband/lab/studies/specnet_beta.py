"""The study ``specnet-beta``: memory and error of spectral networks against the threshold.

Figure 3 of Guan et al. 2019 (SpecNet).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.axes import Axes

from passband.lab.checks import check_count
from passband.lab.config import TrainConfig
from passband.lab.curves import curves, legend, plain_across
from passband.lab.figures import Figure, figure
from passband.lab.measure import costs
from passband.lab.notes import DENSITY, SAVED, timed
from passband.lab.processes import is_first
from passband.lab.results import Row
from passband.lab.studies.costs import cost_rows, first_batch
from passband.lab.studies.grid import Book, alone, setting
from passband.lab.studies.spectral import (
    SpectralConfig,
    by_plain,
    cells,
    group_title,
)
from passband.lab.studies.spectral_table import spectral_tables
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True, kw_only=True)
class BetaConfig(SpectralConfig):
    """The study.

    Attributes:
        repeats: Timed steps of each model, seed by seed.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "specnet-beta"
    repeats: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("repeats", self.repeats)


@alone
def specnet_beta(study: BetaConfig, watch: Watch) -> list[Row]:
    """Trains the plain network and the spectral ones at each beta, and measures what they hold.

    Each beta is a training of its own. Rows beside those of a training: ``saved_bytes`` of one
    batch with the trained weights, ``relative_memory`` (over the plain network's),
    ``relative_error`` (1 - accuracy, over the plain network's of the same seed), ``step_seconds``
    and ``step_ratio``.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study, study.plains())
    groups = cells(study, book)
    ends = {group[-1]: group for group in groups}
    for part in book.parts([Task(run) for run in chain.from_iterable(groups)], watch):
        book.train(part)
        of_seed = ends.get(part.run)  # after the last of a seed: all of it side by side
        if of_seed and not book.has(part.task, "relative_memory"):
            part.measure("bytes and seconds")
            if is_first():
                book.add(_measured(study, book, of_seed))
    return book.rows()


def _measured(study: BetaConfig, book: Book, runs: Sequence[TrainConfig]) -> list[Row]:
    """What the networks of one seed hold and cost side by side, the plain one first."""
    plain, loaded = runs[0], book.data(runs[0])
    named = {"plain" if run is plain else f"{run.model} {setting(run)}": run for run in runs}
    models = {name: book.trained(run) for name, run in named.items()}
    found = costs(models, first_batch(plain, loaded), plain, study.repeats)
    rows = cost_rows(
        study.name, {name: Task(run) for name, run in named.items()}, found, dict.fromkeys(named)
    )
    accuracies = {_key(row): row.value for row in book.rows() if row.metric == "test_accuracy"}
    held = {_key(row): row.value for row in rows if row.metric == "saved_bytes"}
    of_plain = _key(rows[0])
    for row in [row for row in rows if row.metric == "saved_bytes"]:
        error = relative_error(accuracies[_key(row)], accuracies[of_plain])
        epoch = plain.epochs
        rows += [
            replace(row, metric="relative_memory", value=held[_key(row)] / held[of_plain]),
            replace(row, metric="relative_error", value=error, epoch=epoch),
        ]
    return rows


def _key(row: Row) -> tuple[object, ...]:
    return row.data, row.model, row.seed, row.beta


def relative_error(accuracy: float, plain: float) -> float:
    """The share that is wrong over that of the plain network, which makes no fewer than none.

    Example:
        >>> round(relative_error(0.94, 0.97), 3)
        2.0
        >>> relative_error(0.9, 1.0)
        inf
    """
    if plain == 1:
        return 1.0 if accuracy == 1 else math.inf
    return (1 - accuracy) / (1 - plain)


_KINDS: dict[str, tuple[str, str, float]] = {
    "relative_memory": ("Memory held for backward", "saved bytes ÷ plain's", 1),
    "relative_error": ("Error", "error ÷ plain's", 1),
    "test_accuracy": ("Accuracy", "test accuracy, last epoch (%)", 100),
}


def _figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Figure 3: memory and error against beta, and the accuracy that the error is relative to."""
    return {
        group_title(data, plain): [
            figure(
                (data, plain, metric),
                f"{title} of {plain} and its spectral forms on {data} against beta",
                partial(_paint, rows=[row for row in mine if row.metric == metric], metric=metric),
            )
            for metric, (title, _, _) in _KINDS.items()
            if any(row.metric == metric and row.beta is not None for row in mine)
        ]
        for (data, plain), mine in by_plain(rows).items()
    }


def _paint(axes: Axes, rows: Sequence[Row], metric: str) -> None:
    title, words, scale = _KINDS[metric]
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row.beta is not None:
            lines.setdefault(row.model, []).append((row.beta, row.value))
    curves(axes, lines, scale=scale)
    plain = [row.value for row in rows if row.beta is None]
    if plain:
        plain_across(axes, plain, scale=scale)
    axes.set(title=title, xlabel="beta", ylabel=words)
    if scale == 1:
        axes.set_ylim(bottom=0)
    legend(axes)


def _notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    yield (
        "Each beta is a training of its own. Without batch norm beta is a magnitude of the "
        "spectrum, the paper's absolute scale; with it (<b>_bn</b>, which the paper has not) a "
        "fraction of the root mean square of each channel's coefficients."
    )
    yield (
        "Error is the share of the test set that is wrong; the relative one is over that of the "
        "plain network of the same seed, trained by the same recipe, so that the accuracy beside "
        "it says how good that was."
    )
    yield DENSITY
    yield f"{SAVED} They are counted with the trained weights, on which the density depends."
    yield timed(run)


SPECNET_BETA = Study(
    what="memory and error of spectral networks, over the plain network's, against beta",
    title="SpecNet: memory and error against the threshold (figure 3)",
    config=BetaConfig,
    run=specnet_beta,
    tables=spectral_tables,
    figures=_figures,
    notes=_notes,
    pairs=(("mnist-5k", "spec_lenet5"), ("mnist-5k", "spec_lenet5_bn")),
    recipe={"epochs": 3},
)
