"""The study ``specnet-maps``: maps of the first layer in the spectrum and in space.

Figure 2 of Guan et al. 2019 (SpecNet).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.figure import Figure as Canvas
from torch import nn

import passband as pb
from passband.lab.checks import check_count
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData, first
from passband.lab.drawing import svg_of_many
from passband.lab.evaluation import accuracy, batches_of_test
from passband.lab.figures import Figure, file_name
from passband.lab.files import make_writable
from passband.lab.processes import is_first
from passband.lab.results import Row
from passband.lab.studies.first_maps import FirstMaps, first_maps
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.spectral import check_betas, check_spectral
from passband.lab.studies.study import Lines, Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch

_CELL = 1.25  # inches of a map


@dataclass(frozen=True, kw_only=True)
class MapsConfig(StudyConfig):
    """The study.

    Attributes:
        beta: The thresholds at which the first layer is looked at; 0 comes first and is always
            part. The network is trained at its own.
        channels: How many maps are shown.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "specnet-maps"
    beta: tuple[float, ...] = (0.5, 1.0, 1.5)
    channels: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_betas(self.beta)
        object.__setattr__(self, "beta", tuple(dict.fromkeys((0.0, *map(float, self.beta)))))
        check_count("channels", self.channels)
        check_spectral(self.name, self.base)


@alone
def specnet_maps(study: MapsConfig, watch: Watch) -> list[Row]:
    """Trains each network once, and looks at its first layer at each beta with these weights.

    The image is the first of the test set. Rows of each beta: ``density`` of the layer, and
    ``map_change``, the relative L2 distance of the maps that are shown from those at beta 0, where
    they are the convolution's own. The maps are kept in ``maps/*.npz``.

    Args:
        study: What to do. Its directory receives ``results.csv``, ``maps/`` and ``runs/``.
        watch: Is told of progress.

    Returns:
        The whole table.

    Raises:
        ValueError: Unknown data or model, or fewer channels; a damaged table or checkpoint.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written.
    """
    book = Book(study)
    for part in book.parts([Task(book.directory(base)) for base in study.base], watch):
        run, loaded = part.run, book.data(part.run)
        book.train(part)
        if is_first():
            image = first(loaded.test, 1)[0]
            maps = first_maps(book.trained(run), image, study.beta, study.channels)
            path = maps_of(Path(study.out), run.data, run.model)
            make_writable(path.parent)
            maps.save(path)
            if not book.has(Task(replace(run, beta=0.0)), "map_change"):
                right = _accuracies(book.trained(run), maps.beta, loaded)
                book.add(_rows(study, run, maps, right))
    return book.rows()


def maps_of(directory: Path, data: str, model: str) -> Path:
    """Where the maps of a network are kept."""
    return directory / "maps" / f"{file_name(data, model)}.npz"


def _accuracies(model: nn.Module, betas: Sequence[float], loaded: LabeledData) -> list[float]:
    """Share of the test set that a network gets right with all its thresholds at each beta."""
    found = []
    for beta in betas:
        pb.set_beta_(model, beta)
        found.append(accuracy(model.eval(), batches_of_test(loaded)))
    return found


def _rows(
    study: MapsConfig, run: TrainConfig, maps: FirstMaps, accuracies: Sequence[float]
) -> list[Row]:
    each = zip(maps.beta, maps.density, maps.change(), accuracies, strict=True)
    return [
        Row(study.name, run.data, run.model, run.variant, run.seed, run.epochs, None, None, metric,
            value, beta)
        for beta, density, change, accuracy in each
        for metric, value in (
            ("density", density), ("map_change", change), ("accuracy_at_beta", accuracy),
        )
    ]  # fmt: skip


def _pairs(rows: Sequence[Row]) -> Iterable[tuple[str, str]]:
    return dict.fromkeys((row.data, row.model) for row in rows)


def _title(data: str, model: str) -> str:
    return f"First layer of {model} on {data}"


def _tables(rows: Sequence[Row]) -> dict[str, Lines]:
    tables = {}
    for data, model in _pairs(rows):
        mine = [row for row in rows if (row.data, row.model) == (data, model)]
        at = {(row.metric, row.beta): row.value for row in mine}
        betas = dict.fromkeys(row.beta for row in mine if row.beta is not None)
        lines: Lines = [("beta", "density %", "change of the maps %", "accuracy %")]
        lines += [
            (
                f"{beta:g}",
                f"{100 * at['density', beta]:.1f}",
                f"{100 * at['map_change', beta]:.1f}",
                f"{100 * at['accuracy_at_beta', beta]:.1f}",
            )
            for beta in betas
        ]
        tables[_title(data, model)] = lines
    return tables


def _figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Figure 2: columns are thresholds, rows the spectrum and the map of each channel."""
    drawn = {}
    for data, model in _pairs(rows):
        maps = FirstMaps.load(maps_of(directory, data, model))
        name = file_name(data, model, "maps")
        columns, channels = maps.space.shape[:2]
        size = _CELL * columns + 0.9, (_CELL + 0.15) * 2 * channels + 0.3
        alt = f"Spectra and maps of the first layer of {model} on {data} at several beta"
        text = svg_of_many(name, partial(_paint, maps), size)
        drawn[_title(data, model)] = [Figure(name, alt, text)]
    return drawn


def _paint(maps: FirstMaps, canvas: Canvas) -> None:
    columns, channels = maps.space.shape[:2]
    grid = canvas.subplots(2 * channels, columns, squeeze=False)
    for row in range(2 * channels):
        shown = maps.space if row % 2 else maps.spectrum
        shown, kind = shown[:, row // 2], "space" if row % 2 else "spectrum"
        for column in range(columns):
            axes = grid[row][column]
            axes.imshow(
                shown[column],
                cmap="gray" if row % 2 else "magma",
                vmin=shown[0].min(),  # the same scale in all of a row
                vmax=shown[0].max(),
                interpolation="nearest",
            )
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            if row == 0:
                axes.set_title(f"beta {maps.beta[column]:g}", loc="center")
            if not row % 2:
                axes.set_xlabel(f"{100 * maps.density[column]:.0f} % kept" if not row else "")
        grid[row][0].set_ylabel(f"map {row // 2 + 1}\n{kind}")


def _notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    yield (
        "The network was trained once, at its own threshold. Then the first layer was looked at "
        "with these weights at each beta, on the first image of the test set: what its threshold "
        "leaves of the convolution's (and norm's) output, before the activation. At beta 0 that is "
        "the convolution's own; but the weights were made for another beta."
    )
    yield (
        "Spectra are 20 log10(|X| + 1), all frequencies, zero in the middle. All of a row have one "
        "scale, that of beta 0. Shown are the channels with the most energy."
    )
    yield (
        "<b>density</b> is the share of the whole layer's coefficients that is kept, "
        "<b>accuracy</b> that of the same weights on the test set with all thresholds at beta."
    )


SPECNET_MAPS = Study(
    what="maps of the first layer of a spectral network, in spectrum and space, at several beta",
    title="SpecNet: maps in spectrum and space at several thresholds (figure 2)",
    config=MapsConfig,
    run=specnet_maps,
    tables=_tables,
    figures=_figures,
    notes=_notes,
    pairs=(("mnist-5k", "spec_lenet5"),),
    recipe={"epochs": 2},
)
