"""Tables and figures of the study ``spectra``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import fsum, nan
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from passband.lab.curves import legend
from passband.lab.drawing import RAMP, log_scale
from passband.lab.figures import Figure, figure
from passband.lab.results import Row, summarise
from passband.lab.studies.by_epoch import by_epoch
from passband.lab.studies.pairs import by_pair, pair_title
from passband.lab.studies.spectra_probe import KINDS
from passband.lab.studies.study import Lines
from passband.lab.table import cell

MOST_LAYERS = 4  # whose curves are drawn

Curve = dict[float, float]
"""Energy by frequency, which is a fraction of Nyquist."""

Looks = dict[int, dict[int, Curve]]
"""The curve of each epoch and seed."""


def spectra_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """For each (data, model): what was trained, and the mean frequencies of each layer."""
    tables: dict[str, Lines] = {}
    for pair, mine in by_pair(rows).items():
        found = [one for one in summarise(mine) if one.metric == "test_accuracy"]
        tables[pair_title(*pair)] = [
            ("network", "seeds", "accuracy %"),
            *((_called(one.keep), str(one.n), cell(one, 100, 1)) for one in found),
        ]
        keeps = _keeps(mine)
        tables[_title_of_means(*pair)] = [
            ("layer", *(f"{kind}, {_called(keep)}" for kind in KINDS for keep in keeps)),
            *(
                (
                    layer,
                    *(_way(_looks(mine, kind, layer, keep)) for kind in KINDS for keep in keeps),
                )
                for layer in _layers(mine)
            ),
        ]
    return tables


def spectra_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Accuracy by epoch; mean frequencies by epoch, a line a layer; then spectra of some layers."""
    drawn: dict[str, list[Figure]] = {}
    for (data, model), mine in by_pair(rows).items():
        drawn[pair_title(data, model)] = [
            by_epoch(mine, "test_accuracy", lambda row: _called(row.keep))
        ]
        cases = [(kind, keep) for keep in _keeps(mine) for kind in KINDS]
        means = [
            figure(
                (data, model, "mean-frequency", kind, _called(keep)),
                f"Mean frequency of the {kind} of {model} on {data} by epoch, {_called(keep)}, a "
                f"line a layer",
                partial(_means, rows=mine, kind=kind, keep=keep),
            )
            for kind, keep in cases
        ]
        curves = [
            figure(
                (data, model, "spectrum", kind, layer, _called(keep)),
                f"Energy of the {kind} of {layer} of {model} on {data} by frequency, "
                f"{_called(keep)}, a line an epoch",
                partial(_spectra, rows=mine, kind=kind, layer=layer, keep=keep),
            )
            for layer in _some(_layers(mine))
            for kind, keep in cases
        ]
        drawn[_title_of_means(data, model)] = means + curves
    return drawn


def spectra_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "The energy of each convolution's <b>weights</b>, with zeros to the size of its input, and "
        "of its <b>activations</b>, the maps that it returns for the same first test samples each "
        "time, by the distance of their frequencies from 0. 100 % is Nyquist on an axis; the "
        "corners of images lie above. The <b>mean frequency</b> is that of their energy. Epoch 0 "
        "is the initial weights."
    )
    yield (
        "White noise has a mean frequency of 50 % in series and about 76 % in images, where more "
        "frequencies are high than low; random initial filters are near it. A few taps on a large "
        "map have a smooth spectrum: with zeros behind, neighbouring frequencies are not "
        "independent."
    )
    yield (
        "What it does not show: which frequencies a decision needs. Of a band-limited network the "
        "weights are those of all frequencies, though it uses those of its band alone. Curves are "
        f"means over seeds, of {MOST_LAYERS} layers at most, evenly chosen."
    )


def _title_of_means(data: str, model: str) -> str:
    return (
        f"Layers of {model} on {data}: mean frequency, % of Nyquist, before training → after "
        f"epoch 1 → after the last"
    )


def _called(keep: float | None) -> str:
    return "plain" if keep is None else f"keep {keep:g}"


def _keeps(rows: Sequence[Row]) -> list[float | None]:
    return list(dict.fromkeys(row.keep for row in rows))


def _parts(row: Row) -> tuple[str, str, float] | None:
    """Kind, layer and frequency of a row of a spectrum; None of another row."""
    kind, _, rest = row.metric.partition("/")
    if kind not in KINDS:
        return None
    layer, _, frequency = rest.rpartition("/")
    return kind, layer, float(frequency)


def _layers(rows: Sequence[Row]) -> list[str]:
    """In the order of the model."""
    return list(dict.fromkeys(parts[1] for row in rows if (parts := _parts(row))))


def _some(layers: Sequence[str]) -> list[str]:
    """The first, the last, and those evenly between, few enough to be looked at."""
    count = min(len(layers), MOST_LAYERS)
    return [layers[at * (len(layers) - 1) // max(1, count - 1)] for at in range(count)]


def _looks(rows: Sequence[Row], kind: str, layer: str, keep: float | None) -> Looks:
    looks: Looks = {}
    for row in rows:
        parts = _parts(row)
        if row.keep == keep and parts and parts[:2] == (kind, layer):
            seeds = looks.setdefault(row.epoch or 0, {})
            seeds.setdefault(row.seed, {})[parts[2]] = row.value
    return looks


def mean_frequency(curve: Mapping[float, float]) -> float:
    """Where the energy of a curve lies in the mean; nan where there is none.

    Example:
        >>> mean_frequency({0.0: 1.0, 0.5: 3.0})
        0.375
    """
    total = fsum(curve.values())
    return fsum(at * energy for at, energy in curve.items()) / total if total else nan


def _mean(seeds: Mapping[int, Curve]) -> float:
    return fmean(mean_frequency(curve) for curve in seeds.values())


def _way(looks: Looks) -> str:
    """Means over seeds: before, after the first epoch, after the last."""
    if not looks:
        return ""
    return " → ".join(f"{100 * _mean(looks[epoch]):.1f}" for epoch in _epochs(looks))


def _epochs(looks: Looks) -> list[int]:
    """Before, the first, the last; each once."""
    return sorted({0, min(1, max(looks)), max(looks)})


def _means(axes: Axes, rows: Sequence[Row], kind: str, keep: float | None) -> None:
    """A line for each layer, from the first, dark, to the last, light."""
    layers = _layers(rows)
    for number, layer in enumerate(layers):
        looks = _looks(rows, kind, layer, keep)
        # Neither end of the map: it shows on white and on black.
        colour = colormaps["viridis"](0.25 + 0.6 * number / max(1, len(layers) - 1))
        axes.plot(
            list(looks), [100 * _mean(seeds) for seeds in looks.values()], "o-", markersize=3,
            color=colour, label=layer,
        )  # fmt: skip
    axes.set(title=f"Mean frequency of {kind}, {_called(keep)}",
             xlabel="epoch", ylabel="mean frequency (% of Nyquist)")  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes, 3)


def _spectra(axes: Axes, rows: Sequence[Row], kind: str, layer: str, keep: float | None) -> None:
    """The share of each radius, means over seeds."""
    looks = _looks(rows, kind, layer, keep)
    for epoch, colour in zip(_epochs(looks), RAMP, strict=False):
        shares = [
            {at: energy / total for at, energy in curve.items()}
            for curve in looks[epoch].values()
            if (total := fsum(curve.values()))
        ]
        means = {at: fmean(one[at] for one in shares) for at in (shares[0] if shares else ())}
        there = [at for at, share in means.items() if share > 0]
        axes.plot([100 * at for at in there], [100 * means[at] for at in there], ".-",
                  color=colour, label=f"epoch {epoch}")  # fmt: skip
    axes.set(title=f"{kind.capitalize()} of {layer}, {_called(keep)}",
             xlabel="frequency (% of Nyquist)", ylabel="share of the energy (%)")  # fmt: skip
    log_scale(axes)
    legend(axes, 3)
