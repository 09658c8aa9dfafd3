"""The study ``specnet-training``: memory of spectral networks while they learn.

Figure 4 of Guan et al. 2019 (SpecNet).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from passband.lab.curves import curves, legend
from passband.lab.figures import Figure, figure
from passband.lab.notes import DENSITY, SAVED
from passband.lab.results import Row
from passband.lab.studies.costs import first_batch
from passband.lab.studies.each_epoch import EachEpoch, held_bytes
from passband.lab.studies.grid import Book, alone
from passband.lab.studies.spectral import (
    SpectralConfig,
    by_plain,
    cells,
    group_title,
    plain_of,
)
from passband.lab.studies.spectral_table import spectral_tables
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task, do
from passband.lab.studies.watch import Watch
from passband.lab.training import build


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(SpectralConfig):
    """The study; its options are those of any of spectral networks."""

    name: ClassVar = "specnet-training"
    beta: tuple[float, ...] = (0.5, 1.0, 1.5)
    seeds: int = 1


@alone
def specnet_training(study: TrainingConfig, watch: Watch) -> list[Row]:
    """Trains the plain network and the spectral ones at each beta, and measures after each epoch.

    Rows of each epoch, 0 being the initial weights: ``saved_bytes`` of one fixed batch,
    ``relative_memory`` (over the plain network's), ``test_accuracy`` and ``density``. A study that
    was stopped continues where it was.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study, study.plains())
    plain_bytes = {}
    for plain in study.plains():
        loaded = book.data(plain)
        model = build(plain, loaded)[0].train()  # what it holds does not depend on its weights
        plain_bytes[plain.data, plain.model] = held_bytes(model, *first_batch(plain, loaded))
    runs = chain.from_iterable(cells(study, book))
    for part in book.parts([Task(run, probes=(EachEpoch,)) for run in runs], watch):
        do(part.task, [part.epochs])
        if not book.has(part.task, "test_accuracy"):
            plain = plain_of(part.run)
            rows = part.task.named(part.task.rows(), study.name)
            book.add(_with_memory(rows, plain_bytes[plain.data, plain.model]))
    return book.rows()


def _with_memory(rows: Sequence[Row], plain_bytes: int) -> list[Row]:
    """Rows of a training by epoch, with what is held relative to the plain network."""
    held = [row for row in rows if row.metric == "saved_bytes"]
    relative = [
        replace(row, metric="relative_memory", value=row.value / plain_bytes) for row in held
    ]
    return [*rows, *relative]


_KINDS: dict[str, tuple[str, str, float]] = {
    "relative_memory": ("Memory held for backward", "saved bytes ÷ plain's", 1),
    "test_accuracy": ("Accuracy", "test accuracy (%)", 100),
    "density": ("Density of the spectra", "coefficients kept (%)", 100),
}


def _figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Figure 4: memory by epoch, and the accuracy that was reached with it."""
    return {
        group_title(data, plain): [
            figure(
                (data, plain, "by-epoch", metric),
                f"{title} of {plain} and its spectral forms on {data} by epoch",
                partial(_paint, rows=[row for row in mine if row.metric == metric], metric=metric),
            )
            for metric, (title, _, _) in _KINDS.items()
        ]
        for (data, plain), mine in by_plain(rows).items()
    }


def _paint(axes: Axes, rows: Sequence[Row], metric: str) -> None:
    title, words, scale = _KINDS[metric]
    models = dict.fromkeys(row.model for row in rows if row.beta is not None)
    lines: dict[str, list[tuple[float, float]]] = {}
    plain: list[tuple[float, float]] = []
    for row in rows:
        at = float(row.epoch or 0), row.value
        if row.beta is None:
            plain.append(at)
        else:
            of = f"{row.model} " if len(models) > 1 else ""
            lines.setdefault(f"{of}beta {row.beta:g}", []).append(at)
    curves(axes, lines, plain=plain, scale=scale)
    axes.set(title=title, xlabel="epoch", ylabel=words)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes)


def _notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    yield (
        "After each epoch the same batch, the first of the training set, was run through a copy of "
        "the network. Epoch 0 is the initial weights. What the plain network holds is the same in "
        "each epoch."
    )
    yield SAVED
    yield DENSITY


SPECNET_TRAINING = Study(
    what="what spectral networks hold, over the plain network's, after each epoch of training",
    title="SpecNet: memory while a network learns (figure 4)",
    config=TrainingConfig,
    run=specnet_training,
    tables=spectral_tables,
    figures=_figures,
    notes=_notes,
    pairs=(("mnist-5k", "spec_lenet5"),),
    recipe={"epochs": 8},
)
