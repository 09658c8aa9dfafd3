"""What studies share: the directory, the table that grows in it, and the runs below it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from passband.lab import checkpoint, data, environment, results, rundir
from passband.lab.config import TrainConfig
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.studies.part import Part
from passband.lab.training import build, make_trainer, sizes, train

_OF_THE_STUDY = ("out", "keep", "beta", "seed")


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """What every study is told.

    Attributes:
        name: Of the study, in its rows.
        out: Its run directory.
        base: One training config per (data, model); what the study varies, it sets itself.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar[str]
    out: str
    base: tuple[TrainConfig, ...]

    def __post_init__(self) -> None:
        if not self.base:
            raise ValueError("base is at least one data set and model; got none")
        pairs = [(one.data, one.model) for one in self.base]
        if len(set(pairs)) < len(pairs):
            raise ValueError(f"each data set and model is studied once; got {pairs}")

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {name: list(v) if isinstance(v, tuple) else v for name, v in own.items()}
        lists["base"] = [
            {name: value for name, value in asdict(base).items() if name not in _OF_THE_STUDY}
            for base in self.base
        ]
        return {"study": self.name, **lists}


class Book:
    """A study's directory: its data, and its table, which grows run by run.

    Args:
        study: What is done. A directory of the same study is taken up where it was left.
        runs: Further runs of it that are not its base.

    Attributes:
        study: As given.
        loaded: The data sets by name.

    Raises:
        ValueError: Unknown data or model, or a damaged table.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written.
    """

    def __init__(self, study: StudyConfig, runs: Sequence[TrainConfig] = ()) -> None:
        self.study = study
        self.path = Path(study.out) / results.FILE_NAME
        self.loaded = {base.data: data.load(base.data, root=base.root) for base in study.base}
        for run in (*study.base, *runs):  # an unknown model is found before the first training
            build(run, self.loaded[run.data])
        if is_first():
            with quiet():
                processes = [make_trainer(base).world_size for base in study.base]
            rundir.claim(Path(study.out), {**study.to_dict(), "processes": processes}, again=True)
            samples = {name: sizes(name, one)["samples"][name] for name, one in self.loaded.items()}
            environment.save(Path(study.out), samples=samples)
        there = results.read(self.path) if self.path.exists() else []
        self._done = {_key(row) for row in there}

    def has(self, run: TrainConfig, metric: str, variant: str | None = None) -> bool:
        """Whether the table holds that metric of a run."""
        return (*_run_key(run, variant or run.variant), metric) in self._done

    def add(self, rows: Sequence[Row]) -> None:
        """Puts rows at the end of the table."""
        self._done |= {_key(row) for row in rows}
        if is_first():
            results.append(self.path, rows)

    def train(self, part: Part) -> None:
        """Trains a part's run and puts its rows in the table, unless they are there.

        A run that was stopped goes on from its last epoch.
        """
        if not self.has(part.run, "test_accuracy"):
            result = train(
                part.run, resume=part.resumes, callbacks=[part.epochs], progress_bar=False
            )
            self.add([replace(row, beta=part.run.beta) for row in result.rows(self.study.name)])

    def rows(self) -> list[Row]:
        """The whole table; in the first process only."""
        return results.read(self.path) if is_first() else []

    def directory(self, run: TrainConfig) -> TrainConfig:
        """The run with a directory of its own below the study's."""
        folder = "-".join((run.data, run.model, setting(run), f"seed{run.seed}"))
        folder = "".join(c if c.isalnum() or c in "-._" else "_" for c in folder)
        return replace(run, out=str(Path(self.study.out) / "runs" / folder))

    def trained(self, run: TrainConfig) -> nn.Module:
        """The model of a finished run, with the weights of its last epoch."""
        model, _ = build(run, self.loaded[run.data])
        path = Path(run.out) / checkpoint.FILE_NAME
        content = torch.load(path, map_location="cpu", weights_only=True)
        weights = content["state_dict"].items()
        model.load_state_dict({name.removeprefix("model."): w for name, w in weights})
        return model


def setting(run: TrainConfig) -> str:
    """What a run is beside its data, model and seed: ``plain``, ``keep0.5`` or ``beta0.5``."""
    if run.beta is not None:
        return f"beta{run.beta}"
    return run.variant if run.keep is None else f"keep{run.keep}"


def is_of(row: Row, run: TrainConfig) -> bool:
    """Whether a row is of that run."""
    return _run_key(row, row.variant) == _run_key(run, run.variant)


def _run_key(of: Row | TrainConfig, variant: str) -> tuple[object, ...]:
    return of.data, of.model, variant, of.seed, of.keep, of.beta


def _key(row: Row) -> tuple[object, ...]:
    return *_run_key(row, row.variant), row.metric
