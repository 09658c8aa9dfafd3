"""What a study is to the command line and to the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from passband.lab.figures import Figure
from passband.lab.results import Row
from passband.lab.studies.grid import DoStudy, StudyConfig

Lines = list[tuple[str, ...]]
"""A line of headings, then the others, as many cells in each."""


_OF_EVERY_STUDY = frozenset(field.name for field in fields(StudyConfig))


@dataclass(frozen=True)
class Study:
    """One study: what it does, and how its table is shown.

    Attributes:
        what: One sentence.
        title: Of its report.
        config: What it is told; the fields of it are its options.
        run: Does it: takes a config and who is told of progress, returns the whole table.
        tables: From the rows: what is printed, by title.
        figures: From the rows and the directory: drawings by the title of the table they stand
            below.
        notes: From the rows and the stored config: how to read it, as HTML.
        pairs: Data and models that are studied if the user names none.
        trains: Whether it trains anything.
        recipe: Fields of ``TrainConfig`` that a study sets if the user does not.
    """

    what: str
    title: str
    config: type[StudyConfig]
    run: DoStudy[Any]
    tables: Callable[[Sequence[Row]], Mapping[str, Lines]]
    figures: Callable[[Sequence[Row], Path], Mapping[str, list[Figure]]]
    notes: Callable[[Sequence[Row], Mapping[str, Any]], Iterable[str]]
    pairs: tuple[tuple[str, str], ...]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    trains: bool = True

    @property
    def name(self) -> str:
        """On the command line and in its rows."""
        return self.config.name

    @property
    def options(self) -> frozenset[str]:
        """What it can be told beside data, models and how they are trained."""
        return frozenset(one.name for one in fields(self.config)) - _OF_EVERY_STUDY
