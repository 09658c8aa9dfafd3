"""The study ``corruptions``: what networks of several keeps make of corrupted images.

The corruptions of Hendrycks and Dietterich 2019, made here or read from a folder of the user's.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch

from passband.lab import models
from passband.lab.checks import check_text
from passband.lab.config import TrainConfig
from passband.lab.data.as_data import preprocessing
from passband.lab.data.corrupted_set import CorruptedSet, open_set
from passband.lab.data.corruptions import (
    CORRUPTIONS,
    OF_THE_BENCHMARK,
    SEVERITIES,
    check_severities,
    corrupted,
)
from passband.lab.data.extent import extent
from passband.lab.data.labeled import Samples
from passband.lab.data.shape import changed, margin, resampling
from passband.lab.evaluation import Batch, accuracy, batches_of_test
from passband.lab.results import Row
from passband.lab.studies.corruptions_shown import (
    CLEAN,
    OF,
    corruptions_figures,
    corruptions_notes,
    corruptions_tables,
)
from passband.lab.studies.grid import alone
from passband.lab.studies.looking import Found, LookingConfig, Trained, look_at_each
from passband.lab.studies.study import Study
from passband.lab.studies.watch import Watch
from passband.lab.training import load
from passband.spelling import meant

_Batches = Callable[[str, int], list[Batch]]


@dataclass(frozen=True, kw_only=True)
class CorruptionsConfig(LookingConfig):
    """The study.

    Attributes:
        corruptions: Names; None takes the fourteen of the benchmark that can be made, or all that
            are in the folder.
        severities: Of 1 to 5.
        corrupted: A folder as CIFAR-10-C or ImageNet-C, whose images stand in place of ours.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "corruptions"
    corruptions: tuple[str, ...] | None = None
    severities: tuple[int, ...] = SEVERITIES
    corrupted: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_severities(self.severities)
        object.__setattr__(self, "severities", tuple(sorted(set(self.severities))))
        if self.corrupted is not None:
            check_text("corrupted", self.corrupted)
        if self.corruptions is not None:
            self._check_names(self.corruptions)
            object.__setattr__(self, "corruptions", tuple(dict.fromkeys(self.corruptions)))
        for base in self.base:
            if models.dims(base.model) not in (2, None):
                raise ValueError(
                    f"study corruptions is of images; got the model {base.model!r} on {base.data!r}"
                )

    def _check_names(self, names: tuple[str, ...]) -> None:
        unknown = [name for name in names if name not in CORRUPTIONS]
        if not names or (unknown and self.corrupted is None):
            got = ", ".join(map(repr, unknown)) or "none"
            near = "".join(meant(name, CORRUPTIONS) for name in unknown[:1])
            raise ValueError(
                f"corruptions are one or more of {', '.join(CORRUPTIONS)}; got {got}{near}"
            )


@alone
def corruptions(study: CorruptionsConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, keep), and tests its last weights on corrupted images.

    Rows ``clean_accuracy``, and ``corrupted:NAME`` with the severity as ``at``. The networks of a
    seed see the same corrupted images.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    folders = {(run.data, run.model): _folder(study, run) for run in study.base if study.corrupted}

    def look(trained: Trained) -> Iterator[Found]:
        yield Found(CLEAN, accuracy(trained.model, trained.batches))
        mine = folders.get((trained.run.data, trained.run.model))
        names = mine.names if mine else study.corruptions or OF_THE_BENCHMARK
        read: _Batches = partial(_read, study, trained, mine) if mine else partial(_made, trained)
        for name in names:
            for severity in study.severities:
                right = accuracy(trained.model, read(name, severity))
                yield Found(OF + name, right, float(severity))

    return look_at_each(study, watch, look, "under corruptions")


def _made(trained: Trained, name: str, severity: int) -> list[Batch]:
    """The test images, corrupted."""
    of = extent(trained.loaded)
    found: list[Batch] = []
    for number, (maps, labels) in enumerate(trained.batches):
        words = f"{trained.run.seed} {name} {severity} {number}"
        generator = torch.Generator().manual_seed(zlib.crc32(words.encode()))
        unit = of.unit(maps.to(torch.float32)).clamp(0, 1)
        found.append((of.of_unit(corrupted(name, unit, severity, generator)).to(maps), labels))
    return found


def _folder(study: CorruptionsConfig, run: TrainConfig) -> CorruptedSet:
    """The user's images as the network wants them."""
    own = load(replace(run, resize=None, pad=None))
    try:
        unit = load(replace(run, resize=None, pad=None, preprocessing="unit"))
    except ValueError as error:
        raise ValueError(
            f"corrupted images are prepared as those of the data, but how {run.data!r} are is not "
            f"known: {error}"
        ) from error
    there = open_set(
        Path(study.corrupted or "").expanduser(), own, study.corruptions, study.severities
    )
    steps = [preprocessing(unit, own)]
    axes = len(own.space)
    if run.resize is not None:
        steps.append(resampling((run.resize,) * axes))
    if run.pad is not None:
        before = own if run.resize is None else load(replace(run, pad=None))
        steps.append(margin(before, (run.pad,) * axes))

    def read(name: str, severity: int) -> Samples:
        samples = there.read(name, severity)
        for step in steps:
            samples = changed(samples, step)
        return samples

    return CorruptedSet(there.names, read)


def _read(
    study: CorruptionsConfig, trained: Trained, folder: CorruptedSet, name: str, severity: int
) -> list[Batch]:
    loaded = replace(trained.loaded, test=folder.read(name, severity))
    return batches_of_test(loaded, trained.batches[0][0].device, study.samples)


CORRUPTIONS_STUDY = Study(
    what="accuracy under the corruptions of CIFAR-10-C and ImageNet-C",
    title="Under corruptions",
    config=CorruptionsConfig,
    run=corruptions,
    tables=corruptions_tables,
    figures=corruptions_figures,
    notes=corruptions_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
