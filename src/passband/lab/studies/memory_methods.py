"""The study ``memory-methods``: ways to train in less memory beside each other.

Table 2 of Guan et al. 2019 (SpecNet).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import nn

from passband.lab import models
from passband.lab.bench.timing import interleaved
from passband.lab.checks import check_count, check_keep
from passband.lab.config import TrainConfig
from passband.lab.measure import Step, one_process
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.studies.costs import first_batch
from passband.lab.studies.grid import Book, StudyConfig, alone, is_of
from passband.lab.studies.methods import Method, Trained, methods_for, prepared
from passband.lab.studies.methods_shown import methods_figures, methods_notes, methods_tables
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch
from passband.lab.training import build
from passband.memory.peak import held_bytes, peak_bytes


@dataclass(frozen=True, kw_only=True)
class MethodsConfig(StudyConfig):
    """The study.

    Attributes:
        base: One training config per data set and plain network.
        keep: Of the band-limited network, one.
        seeds: How many seeds, from 0.
        repeats: Timed steps of each method, in turns with the plain network.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "memory-methods"
    keep: tuple[float, ...] = (0.25,)
    seeds: int = 1
    repeats: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        for keep in self.keep:
            if keep is None:
                raise ValueError("keep lies in (0, 1]; plain is always part")
            check_keep(keep)
        if len(self.keep) != 1:
            raise ValueError(f"keep is one; got {self.keep}")
        check_count("seeds", self.seeds)
        check_count("repeats", self.repeats)
        for base in self.base:
            if models.is_spectral(base.model) or base.keep is not None:
                raise ValueError(
                    f"study {self.name} is of plain networks, and adds their spectral forms; got "
                    f"model {base.model!r}, keep {base.keep}"
                )


@alone
def memory_methods(study: MethodsConfig, watch: Watch) -> list[Row]:
    """Trains what has to be trained, and measures a step of every method.

    Plain, band-limited and spectral networks are trained by one recipe; methods that compute the
    same in less memory have the plain network's weights. Rows of each method, its name being the
    variant: ``saved_bytes`` (held by the graph after forward and loss, whoever holds them),
    ``relative_memory``, ``peak_bytes`` (the most that a step allocates, beside weights, optimiser
    and batch), ``step_seconds``, ``step_ratio``, ``test_accuracy``.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study, [run for base in study.base for run in trainings(study, base).values()])
    groups = [
        {kind: book.directory(replace(run, seed=seed)) for kind, run in runs.items()}
        for base in study.base
        for seed in range(study.seeds)
        for runs in (trainings(study, base),)
    ]
    ends = {list(group.values())[-1]: group for group in groups}
    for part in book.parts([Task(run) for group in groups for run in group.values()], watch):
        book.train(part)
        for method, runs in _methods(book, ends.get(part.run, {})):
            run = runs[method.trained]
            if is_first() and not book.has(Task(run, method.name), "saved_bytes"):
                part.measure(method.label, runs["plain"])
                book.add(_measured(study, book, method, runs))
    return book.rows()


def trainings(study: MethodsConfig, base: TrainConfig) -> dict[Trained, TrainConfig]:
    """What is trained for a plain network: itself, with a band, and its spectral forms."""
    runs: dict[Trained, TrainConfig] = {"plain": base, "band": replace(base, keep=study.keep[0])}
    for name in models.available():
        if models.is_spectral(name) and models.plain_form(name) == base.model:
            beta: Any = models.options(name)["beta"]
            kind: Trained = "spec_bn" if name.endswith("_bn") else "spec"
            runs[kind] = replace(base, model=name, beta=beta, plan="auto", fft_size="minimal")
    return runs


def _methods(
    book: Book, runs: dict[Trained, TrainConfig]
) -> Iterator[tuple[Method, dict[Trained, TrainConfig]]]:
    """The methods for the networks of a seed, the plain one first; none before all are trained."""
    if runs:
        plain, _ = build(runs["plain"], book.data(runs["plain"]))
        for method in methods_for(plain, runs):
            yield method, runs


def _measured(
    study: MethodsConfig, book: Book, method: Method, runs: Mapping[Trained, TrainConfig]
) -> list[Row]:
    """The rows of a method, whose steps took turns with the plain network's."""
    plain, run = runs["plain"], runs[method.trained]
    loaded = book.data(run)
    with quiet():
        fabric = one_process(run)
        inputs, labels = fabric.to_device(first_batch(run, loaded))

        def step(of: Method | None, weights: TrainConfig) -> Step:
            model: nn.Module = book.trained(weights).to(fabric.device)
            if of is not None:
                model = prepared(of, model, loaded, fabric.device.type)
            return Step(fabric, model, run, inputs, labels)

        mine = step(method, run)
        its = mine if method.name == "plain" else step(None, plain)
        saved = {name: saved_bytes(one) for name, one in (("mine", mine), ("plain", its))}
        seconds = interleaved({"plain": its, method.name: mine}, study.repeats, fabric.device)
        mine.optimizer.zero_grad()  # what was there before a step is not seen when it goes
        peak = peak_bytes(mine, fabric.device)
    found = {
        "saved_bytes": saved["mine"],
        "relative_memory": saved["mine"] / saved["plain"],
        "peak_bytes": peak,
        "step_seconds": seconds[method.name].median,
        "step_ratio": seconds[method.name].median / seconds["plain"].median,
    }
    if method.name != run.variant:  # else it is there, from the training
        (accuracy,) = {
            row.value
            for row in book.rows()
            if row.metric == "test_accuracy" and is_of(row, Task(run))
        }
        found["test_accuracy"] = accuracy
    return [
        Row(study.name, run.data, run.model, method.name, run.seed, run.epochs, run.keep, None,
            metric, float(value), run.beta)
        for metric, value in found.items()
    ]  # fmt: skip


def saved_bytes(step: Step) -> int:
    """What the graph of a step keeps allocated after forward and loss, whoever keeps it.

    That is what ``passband.memory.saved`` counts, and what it does not see: inputs of regions of
    checkpointing. The batch counts if it is held.
    """
    step.loss()  # tables that are made once are not the graph's

    def graph() -> object:
        inputs, step.inputs = step.inputs, step.inputs.clone()
        try:
            return step.loss().grad_fn
        finally:
            step.inputs = inputs

    return held_bytes(graph, step.inputs.device)


MEMORY_METHODS = Study(
    what="ways to train in less memory beside each other: bytes, time, accuracy",
    title="Ways to train in less memory (SpecNet's table 2)",
    config=MethodsConfig,
    run=memory_methods,
    tables=methods_tables,
    figures=methods_figures,
    notes=methods_notes,
    pairs=(("mnist-5k", "vgg16"),),
    recipe={"epochs": 3},
)
