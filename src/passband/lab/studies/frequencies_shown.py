"""Tables and figures of the study ``frequencies``."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from passband.lab.curves import accuracy_curves, legend
from passband.lab.drawing import log_scale, svg_of_many
from passband.lab.figures import Figure, figure, file_name
from passband.lab.results import Row, summarise
from passband.lab.studies.pairs import by_pair
from passband.lab.studies.strength_shown import network
from passband.lab.studies.study import Lines
from passband.lab.table import cell

HEAT, LOW, HIGH = "heat/", "low_accuracy", "high_accuracy"

Wave = tuple[int, ...]
"""Its frequency: whole numbers of periods along each axis."""

Heat = dict[Wave, float]
"""Error by wave."""

_RINGS = ((0.0, 0.125), (0.125, 0.25), (0.25, 0.5), (0.5, 1.0), (1.0, math.inf))


def frequencies_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """Of each (data, model): error by ring of frequencies, and accuracy by band of the input."""
    tables: dict[str, Lines] = {}
    for (data, model), mine in by_pair(rows).items():
        heats = _heats(mine)
        heads = ["network", *(_ring(ring) for ring in _RINGS)]
        of_rings: Lines = [tuple(heads)]
        for name, heat in heats.items():
            of_rings.append((name, *(_error_of(heat, ring) for ring in _RINGS)))
        tables[f"{model} on {data}: error (%) with a wave, by its frequency ÷ Nyquist"] = of_rings
        for metric, words in ((LOW, "lowest"), (HIGH, "highest")):
            tables[f"{model} on {data}: accuracy (%), a share of the {words} frequencies left"] = (
                _by_share([row for row in mine if row.metric == metric])
            )
    return tables


def frequencies_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """The heat maps side by side on one scale, and both accuracies over the share left."""
    drawn: dict[str, list[Figure]] = {}
    for (data, model), mine in by_pair(rows).items():
        of, heats = f"{model} on {data}", _heats(mine)
        if all(len(wave) == 2 for heat in heats.values() for wave in heat):
            name = file_name(data, model, "heat")
            drawn[f"{of}: error (%) with a wave, by its frequency ÷ Nyquist"] = [
                Figure(
                    name,
                    f"Fourier heat maps of {of}: error for each frequency of a wave, zero in the "
                    "middle, a map for each keep",
                    svg_of_many(name, partial(_maps, heats=heats), (2.3 * len(heats), 2.3)),
                )
            ]
        for metric, words in ((LOW, "lowest"), (HIGH, "highest")):
            some = [row for row in mine if row.metric == metric]
            title = f"{of}: accuracy (%), a share of the {words} frequencies left"
            drawn[title] = [
                figure(
                    (data, model, metric),
                    f"Test accuracy of {of} where a share of the {words} frequencies of the input "
                    "is left, a line for each keep",
                    partial(_shares, rows=some, words=words),
                )
            ]
    return drawn


def frequencies_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "Each test image gets one wave, of a single frequency and a standard deviation of "
        f"{run.get('sigma')} in units of the network's input, in a random sign for each image: the "
        "heat map of Yin et al. 2019, mean over seeds. A ring of the table is the mean of its "
        "frequencies; a wave of 1 alternates from sample to sample along an axis."
    )
    yield (
        "Where only a share of the input's frequencies is left, the networks themselves are as "
        "they were trained: it says which frequencies they use, not what they could learn to use."
    )


def mirrored(wave: Wave, sizes: Sequence[int]) -> Wave:
    """The frequency whose wave is the same; on an even axis Nyquist's is its own."""
    return tuple(k if 2 * k == -n else -k for k, n in zip(wave, sizes, strict=True))


def _heats(rows: Iterable[Row]) -> dict[str, Heat]:
    """Error of each network by wave, mean over seeds."""
    heats: dict[str, dict[Wave, list[float]]] = {}
    for row in rows:
        if row.metric.startswith(HEAT):
            wave = tuple(int(k) for k in row.metric.removeprefix(HEAT).split("/"))
            heats.setdefault(network(row), {}).setdefault(wave, []).append(row.value)
    found: dict[str, Heat] = {}
    for name, heat in heats.items():
        sizes = _sizes(heat)
        means = {wave: fmean(values) for wave, values in heat.items()}
        found[name] = {mirrored(wave, sizes): error for wave, error in means.items()} | means
    return found


def _sizes(waves: Iterable[Wave]) -> list[int]:
    """Samples of each axis: even where the lowest frequency is lower than the highest is high."""
    axes = [(min(axis), max(axis)) for axis in zip(*waves, strict=True)]
    return [-2 * low if -low > high else 2 * high + 1 for low, high in axes]


def _error_of(heat: Heat, ring: tuple[float, float]) -> str:
    (low, high), sizes = ring, _sizes(heat)
    values = [
        error
        for wave, error in heat.items()
        if low <= math.hypot(*(2 * k / n for k, n in zip(wave, sizes, strict=True))) < high
    ]
    return f"{100 * fmean(values):.1f}" if values else ""


def _ring(ring: tuple[float, float]) -> str:
    low, high = ring
    return f"{low:g} and up" if math.isinf(high) else f"{low:g} to {high:g}"


def _by_share(rows: Sequence[Row]) -> Lines:
    summaries = summarise(rows)
    shares = list(dict.fromkeys(one.at for one in summaries))
    by_network: dict[str, dict[float | None, Any]] = {}
    for one in summaries:
        by_network.setdefault(network(one), {})[one.at] = one
    return [
        ("network", *(f"{100 * (share or 0):g} %" for share in shares)),
        *(
            (name, *(cell(line.get(share), 100, 1) for share in shares))
            for name, line in by_network.items()
        ),
    ]


def _maps(canvas: Canvas, heats: Mapping[str, Heat]) -> None:
    highest = max(max(heat.values()) for heat in heats.values())
    panels = canvas.subplots(1, len(heats), squeeze=False)[0]
    for axes, (name, heat) in zip(panels, heats.items(), strict=True):
        rows, columns = (sorted({wave[axis] for wave in heat}) for axis in (0, 1))
        nothing = float("nan")
        values = [[100 * heat.get((k, m), nothing) for m in columns] for k in rows]
        edges = (columns[0] - 0.5, columns[-1] + 0.5, rows[0] - 0.5, rows[-1] + 0.5)
        shown = axes.imshow(values, cmap="viridis", vmin=0, vmax=100 * highest, origin="lower",
                            extent=edges, interpolation="none")  # fmt: skip
        axes.grid(visible=False)
        axes.set(title=name)
    canvas.colorbar(shown, ax=list(panels), label="error (%)", shrink=0.7)


def _shares(axes: Axes, rows: Sequence[Row], words: str) -> None:
    accuracy_curves(axes, ((network(row), 100 * (row.at or 0), row.value) for row in rows))
    axes.set(title=f"The {words} frequencies left", xlabel="share of the frequencies left (%)",
             ylabel="test accuracy (%)", ylim=(0, 102))  # fmt: skip
    log_scale(axes, "x")
    legend(axes)
