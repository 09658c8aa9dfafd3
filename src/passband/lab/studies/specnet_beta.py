"""The study ``specnet-beta``: memory and error of spectral networks against the threshold.

Figure 3 of Guan et al. 2019 (SpecNet).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.axes import Axes

from passband.lab.checks import check_count
from passband.lab.curves import Points, curves, legend, plain_line
from passband.lab.figures import MIB, Figure, figure
from passband.lab.measure import costs
from passband.lab.notes import DENSITY, SAVED, timed
from passband.lab.processes import is_first
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.costs import cost_rows, first_batch
from passband.lab.studies.grid import Book
from passband.lab.studies.part import Watch, parts
from passband.lab.studies.spectral import (
    SpectralConfig,
    by_plain,
    cells,
    group_title,
    with_beta,
)
from passband.lab.studies.study import Lines, Study
from passband.lab.table import cell
from passband.lab.terminal import without_empty_columns
from passband.lab.training import train


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


def specnet_beta(study: BetaConfig, watch: Watch = lambda done, doing: None) -> list[Row]:
    """Trains the plain network and the spectral ones at each beta, and measures what they hold.

    Each beta is a training of its own. Rows beside those of a training: ``saved_bytes`` of one
    batch with the trained weights, ``relative_memory`` (over the plain network's),
    ``relative_error`` (1 - accuracy, over the plain network's of the same seed), ``step_seconds``
    and ``step_ratio``. A study that was stopped continues where it was.

    Args:
        study: What to do. Its directory receives ``results.csv`` and ``runs/``.
        watch: Is told of progress.

    Returns:
        The whole table.

    Raises:
        ValueError: Unknown data or model; a damaged table or checkpoint.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written.
    """
    book = Book(study, study.plains())
    runs = list(cells(study, book))
    for part, (_, last) in zip(parts([run for run, _ in runs], watch), runs, strict=True):
        if not book.has(part.run, "test_accuracy"):
            result = train(
                part.run, resume=part.resumes, callbacks=[part.epochs], progress_bar=False
            )
            book.add(with_beta(result.rows(study.name), part.run))
        if last and not book.has(part.run, "relative_memory"):
            part.measure("bytes and seconds")
            if is_first():
                book.add(_measured(study, book, [run for run, _ in runs if _alike(run, part.run)]))
    return book.rows()
