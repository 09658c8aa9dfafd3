"""The study ``compaction``: in which basis a network's maps are sparsest.

Compared are the maps themselves, their DFT (SpecNet's storage), the DCT-II and wavelets, before
training and after.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from passband.analysis import TRANSFORMS, energy_compaction, relative_bytes
from passband.lab.checks import check_count
from passband.lab.config import TrainConfig
from passband.lab.data import first
from passband.lab.fabric import seed_everything
from passband.lab.processes import is_first
from passband.lab.results import Row
from passband.lab.studies.compaction_shown import compaction_figures, compaction_tables
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task, do
from passband.lab.studies.watch import Watch
from passband.lab.training import build

FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, kw_only=True)
class CompactionConfig(StudyConfig):
    """The study.

    Attributes:
        base: One training config per (data, model), without a keep.
        fractions: Of the numbers that are kept, each in (0, 1].
        seeds: How many seeds, from 0.
        maps: How many samples, the first of the test set, the maps are taken of.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "compaction"
    fractions: tuple[float, ...] = FRACTIONS
    seeds: int = 1
    maps: int = 64

    def __post_init__(self) -> None:
        check_count("seeds", self.seeds)
        check_count("maps", self.maps)
        for fraction in self.fractions:
            relative_bytes(fraction, "space")  # refuses what is no fraction
        if not self.fractions or 0 in self.fractions:
            raise ValueError(f"fractions are one or more in (0, 1]; got {self.fractions}")
        super().__post_init__()
        for base in self.base:
            if base.keep is not None:
                raise ValueError(f"the maps are those of the plain model; got keep={base.keep}")


@alone
def compaction(study: CompactionConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed) and measures the maps of its convolutions.

    A row's variant is the transform, its keep the fraction of numbers, its epoch 0 for initial
    weights. The metric ``energy/LAYER`` is the share of energy that the fraction holds of what the
    convolution LAYER returns; ``energy`` is the mean of all layers, weighted by their numbers.
    Maps of a single sample are left out: there is nothing to transform.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    cells = [
        Task(book.directory(replace(base, seed=seed)))
        for base in study.base
        for seed in range(study.seeds)
    ]
    for part in book.parts(cells, watch):
        run = part.run
        do(part.task, [part.epochs])
        first_row = Task(replace(run, keep=study.fractions[0]), TRANSFORMS[0])
        if is_first() and not book.has(first_row, "energy"):
            book.add(_measured(study, book, run))
    return book.rows()


def feature_maps(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """What each convolution of a model returns for a batch, by the layer's name.

    Args:
        model: Is left in evaluation mode.
        inputs: ``(N, C, *space)``.
    """
    found: dict[str, Tensor] = {}

    def hold(name: str, module: nn.Module, given: object, output: Tensor) -> None:
        found[name] = output.clone()  # an activation may write to it

    hooks = [
        module.register_forward_hook(partial(hold, name))
        for name, module in model.named_modules()
        if isinstance(module, _ConvNd)
    ]
    try:
        with torch.no_grad():
            model.eval()(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _measured(study: CompactionConfig, book: Book, run: TrainConfig) -> list[Row]:
    """The rows of one run: with its initial weights, and with those of its last epoch."""
    loaded = book.data(run)
    seed_everything(run.seed)
    initial, _ = build(run, loaded)  # the same initial weights as `train` made
    inputs = first(loaded.test, study.maps)[0]
    rows = _rows(study, run, 0, feature_maps(initial, inputs))
    return rows + _rows(study, run, run.epochs, feature_maps(book.trained(run), inputs))


def _rows(
    study: CompactionConfig, cell: TrainConfig, epoch: int, maps: Mapping[str, Tensor]
) -> list[Row]:
    maps = {name: one for name, one in maps.items() if one[0, 0].numel() > 1}
    weights = [one.numel() for one in maps.values()]
    rows = []
    for transform in TRANSFORMS:
        shares = [energy_compaction(one, transform, study.fractions) for one in maps.values()]
        for i, fraction in enumerate(study.fractions):
            layers = [share[i] for share in shares]
            mean = fmean(layers, weights)
            metrics = [f"energy/{name}" for name in maps]
            for metric, value in zip(["energy", *metrics], [mean, *layers], strict=True):
                rows.append(
                    Row(study.name, cell.data, cell.model, transform, cell.seed, epoch, fraction,
                        None, metric, value)
                )  # fmt: skip
    return rows


def _notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    yield (
        "The energy that a fraction of the numbers holds, the largest of each transform, of the "
        "maps that convolutions return for the first samples of the test set, after the last "
        "epoch; mean of all layers, weighted by their numbers. <b>space</b> is the maps themselves."
    )


COMPACTION = Study(
    what="in which basis a network's maps are sparsest: DFT, DCT, wavelets or space",
    title="The basis in which maps are sparsest",
    config=CompactionConfig,
    run=compaction,
    tables=compaction_tables,
    figures=compaction_figures,
    notes=_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
