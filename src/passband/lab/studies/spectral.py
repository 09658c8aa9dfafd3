"""What the studies of spectral networks share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from passband.lab import models
from passband.lab.checks import check_count, check_positive
from passband.lab.config import TrainConfig
from passband.lab.results import Row
from passband.lab.studies.grid import Book, StudyConfig


@dataclass(frozen=True, kw_only=True)
class SpectralConfig(StudyConfig):
    """A study of spectral networks at several thresholds.

    Attributes:
        beta: The thresholds.
        seeds: How many seeds, from 0.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range, or a model is not
            spectral; the message has it.
    """

    beta: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5)
    seeds: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_betas(self.beta)
        object.__setattr__(self, "beta", tuple(dict.fromkeys(map(float, self.beta))))
        check_count("seeds", self.seeds)
        check_spectral(self.name, self.base)

    def plains(self) -> list[TrainConfig]:
        """The plain network that each base is compared with, trained by the same recipe."""
        return [plain_of(base) for base in self.base]


def check_betas(betas: Sequence[object]) -> None:
    """Refuses what is not one or more thresholds.

    Raises:
        TypeError, ValueError: It is not.
    """
    if not betas:
        raise ValueError("beta is at least one threshold; got none")
    for beta in betas:
        check_positive("beta", beta, or_zero=True)


def check_spectral(study: str, bases: Sequence[TrainConfig]) -> None:
    """Refuses networks that are not spectral, and recipes that differ for one plain network.

    Raises:
        ValueError: One is not, or two do.
    """
    there = ", ".join(name for name in models.available() if models.is_spectral(name))
    plains: dict[tuple[str, str], TrainConfig] = {}
    for base in bases:
        if not models.is_spectral(base.model):
            raise ValueError(
                f"study {study} is of spectral networks, {there}; got model {base.model!r}"
            )
        if base.keep is not None:
            raise ValueError(f"a spectral network has no band; got keep={base.keep}")
        plain = plain_of(base)
        if plains.setdefault((plain.data, plain.model), plain) != plain:
            raise ValueError(
                f"networks that are compared with one {plain.model} on {plain.data} are trained "
                f"alike, but the recipe of {base.model} is another one: say what differs, or study "
                "them in directories of their own"
            )


def plain_of(base: TrainConfig) -> TrainConfig:
    """The plain network of a spectral one, trained by the same recipe."""
    plain = models.plain_form(base.model)
    return replace(base, model=plain, beta=None, density=None, beta_epochs=0, store=None)


def cells(study: SpectralConfig, book: Book) -> list[list[TrainConfig]]:
    """The runs of each plain network and seed: itself, then its spectral ones."""
    groups: dict[TrainConfig, list[TrainConfig]] = {}
    for base in study.base:
        groups.setdefault(plain_of(base), []).append(base)
    return [
        [
            book.directory(replace(run, seed=seed))
            for run in (plain, *(replace(base, beta=b) for base in bases for b in study.beta))
        ]
        for plain, bases in groups.items()
        for seed in range(study.seeds)
    ]


def by_plain(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each plain network and its spectral ones, by (data, plain network)."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.data, models.plain_form(row.model)), []).append(row)
    return groups


def group_title(data: str, plain: str) -> str:
    """Of the table of a plain network and its spectral ones."""
    return f"{plain} and its spectral forms on {data}"
