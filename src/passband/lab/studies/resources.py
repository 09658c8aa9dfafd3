"""The study ``resources``: memory and time of a step against keep, batch and size of the maps.

Figure 6 of Dziedzic et al. (ICML 2019), which is over a network of the same convolutions by FFT
that cut nothing; nothing is trained.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from passband.lab.bench.timing import interleaved
from passband.lab.checks import check_count
from passband.lab.config import TrainConfig
from passband.lab.fabric import seed_everything
from passband.lab.measure import Step, one_process
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.memory_methods import saved_bytes
from passband.lab.studies.resources_shown import (
    resources_figures,
    resources_notes,
    resources_tables,
)
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch
from passband.lab.training import build
from passband.memory.peak import peak_bytes


@dataclass(frozen=True, kw_only=True)
class ResourcesConfig(StudyConfig):
    """The study.

    Attributes:
        base: One config per data set and plain network; of the data only channels and classes
            matter.
        keep: The keeps.
        batches: Samples in a batch, one or more.
        sizes: Samples of the maps on every axis, one or more.
        repeats: Timed steps of each setting, those of a batch and size taking turns.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "resources"
    keep: tuple[float, ...] = (0.5, 0.25, 0.1)
    batches: tuple[int, ...] = (8, 32)
    sizes: tuple[int, ...] = (16, 32)
    repeats: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "keep", keeps_of(self.keep))
        check_count("repeats", self.repeats)
        for name in ("batches", "sizes"):
            values = tuple(dict.fromkeys(getattr(self, name)))
            object.__setattr__(self, name, values)
            if not values:
                raise ValueError(f"{name} are one or more; got none")
            for index, value in enumerate(values):
                check_count(f"{name}[{index}]", value)
        for base in self.base:
            if base.spectral or base.banded:
                raise ValueError(
                    f"study {self.name} is of plain networks, and adds bands; got model "
                    f"{base.model!r}, {base.variant}"
                )


@alone
def resources(study: ResourcesConfig, watch: Watch) -> list[Row]:
    """Measures a training step at every size, batch and band, on random maps and fresh weights.

    A row's ``at`` is the batch; its variant is ``KIND/SIZE``: ``plain``, ``band`` (as the library
    computes it by default) or ``fft`` (all by FFT, of the paper's transform lengths, keep 1 too).
    Metrics: ``saved_bytes``, ``peak_bytes`` (the most that a step allocates beside weights,
    optimiser and batch), ``step_seconds``, ``step_ratio`` (to plain), and over ``fft`` at keep 1
    ``relative_memory`` (of peaks) and ``relative_time``. A study that was stopped continues where
    it was.

    Args:
        study: What to do. Its directory receives ``results.csv``.
        watch: Is told of progress.

    Returns:
        The whole table.

    Raises:
        ValueError: Unknown data or model, or maps too small for it; a damaged table.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written.
    """
    book = Book(study)
    cells = [
        replace(base, limit=2, validation=0.0, pad=None, resize=size, batch_size=batch)
        for base in study.base
        for size in study.sizes
        for batch in study.batches
    ]
    for number, run in enumerate(cells):
        watch(number / len(cells), f"{run.data} {run.model} {run.resize} px batch {run.batch_size}")
        settings = _settings(study, run)
        if is_first() and not book.has(settings[0], "saved_bytes"):
            book.add(_measured(study, book, settings))
    watch(1.0, "done")
    return book.rows()


def _settings(study: ResourcesConfig, plain: TrainConfig) -> list[Task]:
    """What takes turns: plain, FFT at keep 1, then FFT and our own at each keep."""
    fft = replace(plain, plan="fft", fft_size="reference")
    runs = [("plain", plain), ("fft", replace(fft, keep=1.0))]
    for keep in study.keep:
        runs += [("band", replace(plain, keep=keep))]
        runs += [("fft", replace(fft, keep=keep))] if keep != 1 else []
    return [Task(run, f"{kind}/{run.resize}", float(run.batch_size)) for kind, run in runs]


def _measured(study: ResourcesConfig, book: Book, settings: list[Task]) -> list[Row]:
    with quiet():
        made = [_step(book, task.run) for task in settings]
        device = made[0][0].inputs.device
        saved = [saved_bytes(step) for step, _ in made]
        runs = {str(number): step for number, (step, _) in enumerate(made)}
        times = interleaved(runs, study.repeats, device)
        for step, _ in made:
            step.optimizer.zero_grad()  # what was there before a step is not seen when it goes
        peaks = [peak_bytes(step, device) for step, _ in made]
    seconds = [times[number].median for number in runs]
    rows = []
    for at, task in enumerate(settings):
        found = {
            "saved_bytes": saved[at],
            "peak_bytes": peaks[at],
            "step_seconds": seconds[at],
            "step_ratio": seconds[at] / seconds[0],
            "relative_memory": peaks[at] / peaks[1],
            "relative_time": seconds[at] / seconds[1],
        }
        run = task.run
        rows += [
            Row(study.name, run.data, run.model, task.variant or "", run.seed, None, run.keep,
                made[at][1], metric, float(value), None, task.at)
            for metric, value in found.items()
        ]  # fmt: skip
    return rows


def _step(book: Book, run: TrainConfig) -> tuple[Step, float | None]:
    """A step with fresh weights on random maps, and what its layers really keep."""
    loaded = book.data(run)
    seed_everything(run.seed)
    model, keep_measured = build(run, loaded)
    fabric = one_process(run)
    maps = torch.randn(run.batch_size, loaded.in_channels, *loaded.space)
    labels = torch.randint(loaded.num_classes, (run.batch_size,))
    inputs, labels = fabric.to_device((maps, labels))
    return Step(fabric, model, run, inputs, labels), keep_measured


RESOURCES = Study(
    what="memory and time of a step against keep, batch and size of the maps; nothing is trained",
    title="Memory and time as the band narrows",
    config=ResourcesConfig,
    run=resources,
    tables=resources_tables,
    figures=resources_figures,
    notes=resources_notes,
    pairs=(("mnist-5k", "resnet20"),),
    recipe={"options": (("width", 0.5),)},
    trains=False,
)
