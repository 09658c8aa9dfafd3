"""The study ``layers``: which layer bears how narrow a band, and a keep for each under a budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import ClassVar

import passband as pb
from passband.lab.checks import check_choice, check_count, check_keep
from passband.lab.config import TrainConfig
from passband.lab.evaluation import accuracy, batches_of_test
from passband.lab.processes import is_first
from passband.lab.results import Row
from passband.lab.studies.assignment import BUDGETS, Budget, assign, layer_costs, plain_cost
from passband.lab.studies.costs import first_batch
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.layers_shown import layers_figures, layers_notes, layers_tables
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch
from passband.lab.training import build

_UNIFORM = tuple(number / 20 for number in range(1, 21))


@dataclass(frozen=True, kw_only=True)
class LayersConfig(StudyConfig):
    """The study.

    Attributes:
        base: One training config per data set and plain network, with a validation part: on it the
            layers' keeps are chosen.
        keep: Candidates of a layer, beside 1.
        budget: Share of what all convolutions cost at keep 1.
        budget_of: ``time`` (estimated) or ``bytes`` (held for backward by convolutions).
        seeds: How many seeds, from 0.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "layers"
    keep: tuple[float, ...] = (0.5, 0.25, 0.1)
    budget: float = 0.5
    budget_of: Budget = "time"
    seeds: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        below = tuple(keep for keep in keeps_of(self.keep) if keep < 1)
        object.__setattr__(self, "keep", keeps_of(below))
        check_keep(self.budget, "budget")
        check_choice("budget_of", self.budget_of, BUDGETS)
        check_count("seeds", self.seeds)
        for base in self.base:
            if base.spectral or base.banded:
                raise ValueError(f"study {self.name} is of plain networks; got {base.variant}")
            if not base.validation:
                raise ValueError("keeps are chosen on a validation part; got validation 0")


@alone
def layers(study: LayersConfig, watch: Watch) -> list[Row]:
    """Narrows one layer of the trained plain network at a time, and trains a keep for each.

    Rows of a layer, its name being the variant and ``at`` the keep: ``test_accuracy`` and
    ``validation_accuracy`` without training anew (``at`` 1: of the whole network), ``cost`` over
    that of all layers of the plain network, and without ``at`` the ``chosen_keep``. What was
    chosen (variant ``layers``) is trained, and the uniform keep whose cost is nearest (``band``),
    both with their ``relative_cost``.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    seeds = range(study.seeds)
    plains = [
        Task(book.directory(replace(base, seed=seed))) for base in study.base for seed in seeds
    ]
    for part in book.parts(plains, watch):
        book.train(part)
        if is_first() and not book.has(part.task, "narrowed"):
            part.measure("one layer at a time")
            book.add(_narrowed(study, book, part.run))
    chosen = {base: _chosen(study, book, base) for base in study.base}
    tasks = [
        Task(book.directory(replace(run, seed=seed)))
        for base in study.base
        for run, _ in chosen[base]
        for seed in seeds
    ]
    costs = [cost for base in study.base for _, cost in chosen[base] for _ in seeds]
    for part, cost in zip(book.parts(tasks, watch), costs, strict=True):
        book.train(part)
        if is_first() and not book.has(part.task, "relative_cost"):
            book.add([_row(study, part.run, part.run.variant, "relative_cost", cost)])
    return book.rows()


def _narrowed(study: LayersConfig, book: Book, run: TrainConfig) -> list[Row]:
    """One layer at a time at each keep, of the trained network."""
    loaded = book.data(run)
    model = book.trained(run).eval()
    inputs, _ = first_batch(run, loaded)
    report = pb.convert_(model, pb.Band(keep=1), example=inputs, plan=run.plan)
    names = [row.name for row in report.converted]
    keeps = (1.0, *study.keep)
    costs = layer_costs(model, inputs, _bands(run, keeps), study.budget_of)
    whole = plain_cost(book.trained(run), inputs, study.budget_of)
    assert loaded.validation is not None
    parts = {
        "test_accuracy": batches_of_test(loaded),
        "validation_accuracy": batches_of_test(replace(loaded, test=loaded.validation)),
    }
    full = {name: pb.Band(keep=1, fft_size=run.fft_size) for name in names}
    pb.set_band_(model, full)
    of_all = {metric: accuracy(model, batches) for metric, batches in parts.items()}
    rows = []
    for name in names:
        for keep in keeps:
            pb.set_band_(model, {**full, name: pb.Band(keep=keep, fft_size=run.fft_size)})
            found = dict(of_all)
            if keep < 1:
                found = {metric: accuracy(model, batches) for metric, batches in parts.items()}
            found["cost"] = costs[name, keep] / whole
            rows += [_row(study, run, name, metric, v, keep) for metric, v in found.items()]
    return [*rows, _row(study, run, "plain", "narrowed", len(names))]


def _chosen(study: LayersConfig, book: Book, base: TrainConfig) -> list[tuple[TrainConfig, float]]:
    """The assignment and the uniform keep of a network, each with its cost over the plain one's."""
    mine = [row for row in book.rows() if (row.data, row.model) == (base.data, base.model)]
    names = list(dict.fromkeys(row.variant for row in mine if row.metric == "cost"))

    def table(metric: str) -> dict[tuple[str, float], float]:
        values: dict[tuple[str, float], list[float]] = {}
        for row in mine:
            if row.metric == metric and row.at is not None:
                values.setdefault((row.variant, row.at), []).append(row.value)
        return {key: fmean(found) for key, found in values.items()}

    costs = table("cost")
    found = assign(names, study.keep, costs, table("validation_accuracy"), study.budget)
    if is_first() and not book.has(Task(replace(base, seed=0), names[0]), "chosen_keep"):
        book.add([_row(study, replace(base, seed=0), name, "chosen_keep", keep)
                  for name, keep in found.items()])  # fmt: skip
    mixed = sum(costs[item] for item in found.items())
    loaded = book.data(base)
    model, _ = build(base, loaded)
    inputs, _ = first_batch(base, loaded)
    pb.convert_(model, pb.Band(keep=1), example=inputs, plan=base.plan)
    every = layer_costs(model, inputs, _bands(base, _UNIFORM), study.budget_of)
    whole = plain_cost(build(base, loaded)[0], inputs, study.budget_of)
    totals = {keep: sum(every[name, keep] for name in names) / whole for keep in _UNIFORM}
    uniform = min(_UNIFORM, key=lambda keep: abs(totals[keep] - mixed))
    return [
        (replace(base, layer_keeps=tuple(found.values())), mixed),
        (replace(base, keep=uniform), totals[uniform]),
    ]


def _bands(run: TrainConfig, keeps: Sequence[float]) -> dict[float, pb.Band]:
    return {keep: pb.Band(keep=keep, fft_size=run.fft_size) for keep in keeps}


def _row(
    study: LayersConfig, run: TrainConfig, variant: str, metric: str, value: float,
    at: float | None = None,
) -> Row:  # fmt: skip
    return Row(study.name, run.data, run.model, variant, run.seed, None, run.keep, None, metric,
               float(value), None, at)  # fmt: skip


LAYERS = Study(
    what="which layer bears how narrow a band, and a keep for each layer under a budget",
    title="A band for each layer",
    config=LayersConfig,
    run=layers,
    tables=layers_tables,
    figures=layers_figures,
    notes=layers_notes,
    pairs=(("mnist-5k", "resnet20"),),
    recipe={"options": (("width", 0.5),), "limit": 1500, "epochs": 4, "validation": 0.2},
)
