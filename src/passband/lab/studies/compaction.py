"""The study ``compaction``: in which basis a network's maps are sparsest.

Compared are the maps themselves, their DFT (SpecNet's storage), the DCT-II and wavelets, before
training and after.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import lightning as L
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from passband.analysis import TRANSFORMS, energy_compaction, relative_bytes
from passband.lab import checkpoint, data, environment, results, rundir
from passband.lab.checks import check_count
from passband.lab.config import TrainConfig
from passband.lab.drawing import RAMP, log_scale, svg
from passband.lab.files import make_writable, write_atomic
from passband.lab.processes import is_first
from passband.lab.results import Row, summarise
from passband.lab.training import build, sizes, train

NAME = "compaction"
FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)

Watch = Callable[[float, str], None]
"""Told how far the study is (0 to 1) and what it is doing."""


@dataclass(frozen=True, kw_only=True)
class CompactionConfig:
    """The study.

    Attributes:
        out: Its run directory.
        base: One training config per (data, model), without a keep; their seed and out are set by
            the study.
        fractions: Of the numbers that are kept, each in (0, 1].
        seeds: How many seeds, from 0.
        maps: How many samples, the first of the test set, the maps are taken of.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    out: str
    base: tuple[TrainConfig, ...]
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
        if not self.base:
            raise ValueError("base is at least one data set and model; got none")
        for base in self.base:
            if base.keep is not None:
                raise ValueError(f"the maps are those of the plain model; got keep={base.keep}")
        pairs = [(one.data, one.model) for one in self.base]
        if len(set(pairs)) < len(pairs):
            raise ValueError(f"each data set and model is studied once; got {pairs}")

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        values = asdict(self)
        shared = ("out", "keep", "seed")
        values["base"] = [
            {name: value for name, value in base.items() if name not in shared}
            for base in values["base"]
        ]
        return {"study": NAME, **values, "fractions": list(self.fractions)}


def compaction(study: CompactionConfig, watch: Watch = lambda done, doing: None) -> list[Row]:
    """Trains every (data, model, seed) and measures the maps of its convolutions.

    A row's variant is the transform, its keep the fraction of numbers, its epoch 0 for initial
    weights. The metric ``energy/LAYER`` is the share of energy that the fraction holds of what the
    convolution LAYER returns; ``energy`` is the mean of all layers, weighted by their numbers.
    Maps of a single sample are left out: there is nothing to transform.

    A study that was stopped continues where it was when it is called again with the same config.

    Args:
        study: What to do. Its directory receives ``results.csv``, ``figures/*.svg`` and ``runs/``.
        watch: Is told of progress.

    Returns:
        The whole table.

    Raises:
        ValueError: Unknown data or model; a damaged table or checkpoint.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written.
    """
    out, table = Path(study.out), Path(study.out) / results.FILE_NAME
    loaded = {base.data: data.load(base.data, root=base.root) for base in study.base}
    for base in study.base:  # an unknown model is found before the first training
        build(base, loaded[base.data])
    if is_first():
        rundir.claim(out, study.to_dict(), again=True)
        samples = {name: sizes(name, one)["samples"][name] for name, one in loaded.items()}
        environment.save(out, samples=samples)
    rows = results.read(table) if table.exists() else []
    done = {(row.data, row.model, row.seed) for row in rows}

    cells = list(_cells(study))
    for index, cell in enumerate(cells):
        watch(index / len(cells), f"{cell.data} {cell.model} seed {cell.seed}")
        if (cell.data, cell.model, cell.seed) in done:
            continue
        path = Path(cell.out) / checkpoint.FILE_NAME
        train(cell, resume=path.exists(), progress_bar=False)
        if is_first():
            results.append(table, _measured(study, cell, loaded[cell.data], path))
    watch(1.0, "done")
    if not is_first():
        return []
    rows = results.read(table)
    make_writable(out / "figures")
    for name, drawing in figure(rows).items():
        write_atomic(out / "figures" / f"{name}.svg", drawing)
    return rows


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


def figure(rows: Sequence[Row]) -> dict[str, str]:
    """Drawings of a table as SVG, by name: energy against numbers and bytes, of each (data, model).

    Args:
        rows: The table. Of each seed, the last epoch's shares of all layers are drawn.
    """
    drawn = {}
    for pair in dict.fromkeys((row.data, row.model) for row in rows):
        mine = [row for row in rows if (row.data, row.model) == pair and row.metric == "energy"]
        for kind, paint in (("numbers", energy_by_numbers), ("bytes", energy_by_bytes)):
            name = re.sub(r"[^\w.-]+", "_", "-".join((*pair, NAME, kind)))
            drawn[name] = svg(name, partial(paint, rows=mine))
    return drawn


def energy_by_numbers(axes: Axes, rows: Sequence[Row]) -> None:
    """Share of energy against the fraction of numbers kept, a line for each transform."""
    _lines(axes, rows, lambda fraction, transform: fraction)
    axes.set(xlabel="numbers kept (% of the map's)")


def energy_by_bytes(axes: Axes, rows: Sequence[Row]) -> None:
    """Share of energy against bytes of mask and packed numbers, a line for each transform."""
    _lines(axes, rows, relative_bytes)
    axes.set(xlabel="mask and packed float32 (% of the map's bytes)")


def _lines(axes: Axes, rows: Sequence[Row], at: Callable[[float, Any], float]) -> None:
    settings = summarise(rows)
    for transform, colour in zip(TRANSFORMS, RAMP, strict=True):
        mine = sorted((s.keep or 0, s.mean) for s in settings if s.variant == transform)
        axes.plot(
            [100 * at(fraction, transform) for fraction, _ in mine],
            [100 * share for _, share in mine],
            color=colour,
            marker="o",
            linestyle="--" if transform == "space" else "-",
            label=transform,
        )
    axes.set(title="Energy in the largest coefficients", ylabel="energy kept (%)")
    log_scale(axes, "x")
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _cells(study: CompactionConfig) -> Iterator[TrainConfig]:
    for base in study.base:
        for seed in range(study.seeds):
            folder = re.sub(r"[^\w.-]", "_", f"{base.data}-{base.model}-seed{seed}")
            yield replace(base, seed=seed, out=str(Path(study.out) / "runs" / folder))


def _measured(
    study: CompactionConfig, cell: TrainConfig, loaded: data.LabeledData, path: Path
) -> list[Row]:
    """The rows of one run: with its initial weights, and with those of its last epoch."""
    L.seed_everything(cell.seed, workers=True, verbose=False)
    model, _ = build(cell, loaded)  # the same initial weights as `train` made
    inputs = loaded.test[: study.maps][0]
    rows = _rows(study, cell, 0, feature_maps(model, inputs))
    content = torch.load(path, map_location="cpu", weights_only=True)
    weights = {k.removeprefix("model."): v for k, v in content["state_dict"].items()}
    model.load_state_dict(weights)
    return rows + _rows(study, cell, cell.epochs, feature_maps(model, inputs))


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
                    Row(NAME, cell.data, cell.model, transform, cell.seed, epoch, fraction, None,
                        metric, value)
                )  # fmt: skip
    return rows
