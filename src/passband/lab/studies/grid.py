"""What studies share: the directory, the table that grows in it, and the runs below it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, wraps
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from torch import nn

from passband.lab import checkpoint, environment, results, rundir
from passband.lab.checks import check_count, check_text
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData
from passband.lab.fabric import make_fabric
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.studies import cluster, workers
from passband.lab.studies.part import Part, parts
from passband.lab.studies.task import Task, do
from passband.lab.studies.watch import Watch, unwatched
from passband.lab.training import build, load, sizes

_OF_THE_STUDY = ("out", "keep", "beta", "seed")


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """What every study is told.

    Attributes:
        name: Of the study, in its rows.
        takes_memory: Whether its trainings may have a memory policy.
        out: Its run directory.
        base: One training config per (data, model); what the study varies, it sets itself.
        jobs: Trainings side by side, in processes of this machine. What is timed, is timed after
            them, alone.
        ray: Address of a Ray cluster that trains; None trains here.
        paper: Names of figures of a paper, which the report draws beside what was measured.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar[str]
    takes_memory: ClassVar[bool] = False
    out: str
    base: tuple[TrainConfig, ...]
    jobs: int = 1
    ray: str | None = None
    paper: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.base:
            raise ValueError("base is at least one data set and model; got none")
        pairs = [(one.data, one.model) for one in self.base]
        if len(set(pairs)) < len(pairs):
            raise ValueError(f"each data set and model is studied once; got {pairs}")
        policies = {one.memory for one in self.base} - {None}
        if policies and not self.takes_memory:
            raise ValueError(
                f"study {self.name} takes no memory policy, which would make its plain network "
                f"another; got {', '.join(map(str, policies))}"
            )
        check_count("jobs", self.jobs)
        if self.ray is not None:
            check_text("ray", self.ray)
        several = next((one for one in self.base if one.devices not in (1, "auto")), None)
        if several is not None and (self.jobs > 1 or self.ray is not None):
            raise ValueError(
                f"a training has one device where several run side by side; got devices "
                f"{several.devices!r} and jobs {self.jobs}, ray {self.ray!r}"
            )

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {name: list(v) if isinstance(v, tuple) else v for name, v in own.items()}
        lists["base"] = [
            {name: value for name, value in base.stored().items() if name not in _OF_THE_STUDY}
            for base in self.base
        ]
        return {"study": self.name, **lists}


S = TypeVar("S", bound=StudyConfig)
S_contra = TypeVar("S_contra", bound=StudyConfig, contravariant=True)


class DoStudy(Protocol[S_contra]):
    """Does a study of one kind.

    A study that was stopped goes on where it was when it is done again with the same config.

    Args:
        study: What to do. Its directory receives ``results.csv``, which grows run by run, and
            ``runs/`` with the directory of each training.
        watch: Is told of progress.

    Returns:
        The whole table; nothing in other processes than the first.

    Raises:
        ValueError: Unknown data or model; a damaged table or checkpoint.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written, or another process writes to it.
    """

    def __call__(self, study: S_contra, watch: Watch = unwatched) -> list[Row]: ...  # noqa: D102


def alone(run: Callable[[S, Watch], list[Row]]) -> DoStudy[S]:
    """A study of which no second process works on the same directory."""

    @wraps(run)
    def locked(study: S, watch: Watch = unwatched) -> list[Row]:
        with rundir.only_writer(Path(study.out)):
            return run(study, watch)

    return locked


class Book:
    """A study's directory: its data, and its table, which grows run by run.

    Args:
        study: What is done. A directory of the same study is taken up where it was left.
        runs: Further runs of it that are not its base.

    Attributes:
        study: As given.

    Raises:
        ValueError: Unknown data or model, or a damaged table.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written, or another process writes to it.
    """

    def __init__(self, study: StudyConfig, runs: Sequence[TrainConfig] = ()) -> None:
        self.study = study
        self.path = Path(study.out) / results.FILE_NAME
        self._load = cache(load)
        for run in (*study.base, *runs):  # an unknown model is found before the first training
            build(run, self.data(run))
        if is_first():
            with quiet():
                processes = [make_fabric(base).world_size for base in study.base]
            rundir.claim(Path(study.out), {**study.to_dict(), "processes": processes}, again=True)
            samples = [sizes(base.data, self.data(base))["samples"] for base in study.base]
            environment.save(
                Path(study.out), samples={name: n for one in samples for name, n in one.items()}
            )
        there = results.read(self.path) if self.path.exists() else []
        self._done = {_key(row) for row in there}

    def data(self, run: TrainConfig) -> LabeledData:
        """What a run is trained and tested on."""
        return self._load(replace(_DATA_ONLY, **{name: getattr(run, name) for name in _OF_DATA}))

    def has(self, task: Task, metric: str) -> bool:
        """Whether the table holds that metric of a task."""
        return (*_task_key(task), metric) in self._done

    def add(self, rows: Sequence[Row]) -> None:
        """Puts rows at the end of the table."""
        self._done |= {_key(row) for row in rows}
        if is_first():
            results.append(self.path, rows)

    def parts(self, tasks: Sequence[Task], watch: Watch) -> Iterator[Part]:
        """The tasks of a study one after another; each is announced.

        Where the study is to train side by side, all are trained before the first comes.
        """
        waiting = [task for task in tasks if not task.done()]
        if self.study.ray is not None:
            cluster.train_all(waiting, self.study.ray, watch)
        elif self.study.jobs > 1:
            workers.train_all(waiting, self.study.jobs, watch)
        return parts(tasks, watch)

    def train(self, part: Part) -> None:
        """Trains a part's task, unless that is done, and puts its rows in the table."""
        do(part.task, [part.epochs])
        if is_first() and not self.has(part.task, "test_accuracy"):
            self.add(part.task.named(part.task.rows(), self.study.name))

    def rows(self) -> list[Row]:
        """The whole table; in the first process only."""
        return results.read(self.path) if is_first() else []

    def directory(self, run: TrainConfig, *more: str) -> TrainConfig:
        """The run with a directory of its own below the study's.

        Args:
            run: What it is.
            more: What sets it apart from others of its data, model, band and seed.
        """
        folder = "-".join((run.data, run.model, setting(run), *more, f"seed{run.seed}"))
        folder = "".join(c if c.isalnum() or c in "-._" else "_" for c in folder)
        return replace(run, out=str(Path(self.study.out) / "runs" / folder))

    def trained(self, run: TrainConfig) -> nn.Module:
        """The model of a finished run, with the weights of its last epoch.

        Raises:
            FileNotFoundError: It has no checkpoint.
            ValueError: Its checkpoint is damaged or of another model.
        """
        model, _ = build(run, self.data(run))
        checkpoint.check(Path(run.out) / checkpoint.FILE_NAME, model)
        return model


# What a data set depends on, and a run that stands for it.
_OF_DATA = ("data", "root", "preprocessing", "pad", "resize", "limit", "validation")
_DATA_ONLY = TrainConfig(data="-", model="-", out="-", epochs=1, batch_size=1, learning_rate=1,
                         optimizer="sgd")  # fmt: skip


def setting(run: TrainConfig) -> str:
    """What a run is beside its data, model and seed: ``plain``, ``keep0.5`` or ``beta0.5``."""
    if run.beta is not None:
        return f"beta{run.beta}"
    if run.energy is not None:
        return f"energy{run.energy}"
    if run.keep_least is not None:
        return f"keep{run.keep_least}to{run.keep}"
    if run.variant in ("grow", "shrink"):
        return f"keep{run.keep_start}-{run.keep}"
    return run.variant if run.keep is None else f"keep{run.keep}"


def is_of(row: Row, task: Task) -> bool:
    """Whether a row is of that task."""
    return _row_key(row) == _task_key(task)


def _task_key(task: Task) -> tuple[object, ...]:
    run = task.run
    variant = task.variant or run.variant
    return run.data, run.model, variant, run.seed, run.keep, run.beta, task.at


def _row_key(row: Row) -> tuple[object, ...]:
    return row.data, row.model, row.variant, row.seed, row.keep, row.beta, row.at


def _key(row: Row) -> tuple[object, ...]:
    return *_row_key(row), row.metric
