"""Tables and figures of the study ``energy``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from passband.lab.curves import curves, legend
from passband.lab.figures import Figure, figure
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.by_epoch import by_epoch, points
from passband.lab.studies.pairs import by_pair, pair_title
from passband.lab.studies.study import Lines
from passband.lab.table import cell

KEPT = "keep_measured"


def energy_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """For each (data, model): what is kept as training goes, all together and of each layer."""
    tables: dict[str, Lines] = {}
    for pair, mine in by_pair(rows).items():
        shares = list(dict.fromkeys(row.at for row in mine))
        tables[pair_title(*pair)] = [
            ("energy", "seeds", "kept % before", "after epoch 1", "after the last", "accuracy %"),
            *(_line(share, [row for row in mine if row.at == share]) for share in shares),
        ]
        held = [share for share in shares if share is not None]
        layers = list(
            dict.fromkeys(row.metric for row in mine if row.metric.startswith(f"{KEPT}/"))
        )
        tables[_title_of_layers(*pair)] = [
            ("layer", *(f"energy {share:g}" for share in held)),
            *(
                (layer.removeprefix(f"{KEPT}/"), *(_way(mine, layer, share) for share in held))
                for layer in layers
            ),
        ]
    return tables


def energy_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """What is kept, and accuracy, by epoch; then what each layer keeps, for each energy."""
    drawn: dict[str, list[Figure]] = {}
    for (data, model), mine in by_pair(rows).items():
        of = f"{model} on {data}"
        drawn[pair_title(data, model)] = [
            figure(
                (data, model, "kept"),
                f"What bands by energy keep in {of} by epoch, a line for each share of energy",
                partial(_kept, rows=[row for row in mine if row.metric == KEPT]),
            ),
            by_epoch(mine, "test_accuracy", _named),
        ]
        drawn[_title_of_layers(data, model)] = [
            figure(
                (data, model, "kept-by-layer", f"{share:g}"),
                f"What bands with {share:g} of the energy keep in {of} by epoch, a line a layer",
                partial(_layers, rows=[row for row in mine if row.at == share], share=share),
            )
            for share in dict.fromkeys(row.at for row in mine if row.at is not None)
        ]
    return drawn


def energy_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "A band by energy is the narrowest that holds its share of the energy of a convolution's "
        "input, chosen anew for each batch. <b>Kept</b> are the coefficients of the half spectrum "
        "in it, of the same first samples of the test set each time, by all converted layers "
        "together, weighted by channels; the paper's compression is 100 % less that. Epoch 0 is "
        "the initial weights."
    )
    yield (
        "What the first convolution keeps follows from the data alone and cannot change. If later "
        "ones keep more and more, lower frequencies are learnt first, as the paper's talk says of "
        "ResNet-18 on CIFAR-10; that is said of the energy of maps, not of which frequencies a "
        "decision needs. A small network may be through with it in its first epoch."
    )
    yield (
        "Epoch 0 depends on how weights are initialised: random filters pass all frequencies "
        "alike, so what is kept may fall before it rises. Bands are whole frequencies, of which "
        "small maps have few: their lines are stairs."
    )


def _title_of_layers(data: str, model: str) -> str:
    return f"Layers of {model} on {data}: % kept before training → after epoch 1 → after the last"


def _layers_of(rows: Sequence[Row]) -> list[str]:
    """The metrics of the layers, in the order of the model."""
    return list(dict.fromkeys(row.metric for row in rows if row.metric.startswith(f"{KEPT}/")))


def _named(row: Row) -> str:
    return "plain" if row.at is None else f"energy {row.at:g}"


def _line(share: float | None, rows: Sequence[Row]) -> tuple[str, ...]:
    last = {one.metric: one for one in summarise(rows)}
    kept = [row for row in rows if row.metric == KEPT]
    return (
        "plain" if share is None else f"{share:g}",
        str(len({row.seed for row in rows})),
        *(cell(_at_epoch(kept, epoch), 100, 1) for epoch in (0, 1)),
        cell(last.get(KEPT), 100, 1),
        cell(last.get("test_accuracy"), 100, 1),
    )


def _at_epoch(rows: Sequence[Row], epoch: int) -> Summary | None:
    return next(iter(summarise(row for row in rows if row.epoch == epoch)), None)


def _way(rows: Sequence[Row], layer: str, share: float) -> str:
    """Means over seeds of what a layer keeps: before, after the first epoch, after the last."""
    mine = [row for row in rows if row.metric == layer and row.at == share]
    last = max(row.epoch or 0 for row in mine)
    found = [fmean(row.value for row in mine if row.epoch == epoch) for epoch in (0, 1, last)]
    return " → ".join(f"{100 * kept:.1f}" for kept in found)


def _kept(axes: Axes, rows: Sequence[Row]) -> None:
    lines, _ = points(rows, _named, lambda row: float(row.epoch or 0))
    curves(axes, lines, scale=100)
    axes.set(title="Coefficients that hold the energy", xlabel="epoch", ylabel="measured keep (%)")
    axes.set_ylim(bottom=0)
    other = axes.secondary_yaxis("right", functions=(_rest, _rest))
    other.set_ylabel("compression (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes)


def _rest(percent: Any) -> Any:
    return 100 - percent


def _layers(axes: Axes, rows: Sequence[Row], share: float) -> None:
    """A line for each layer, from the first, dark, to the last, light."""
    layers = _layers_of(rows)
    for number, layer in enumerate(layers):
        mine = [row for row in rows if row.metric == layer]
        epochs = sorted({row.epoch or 0 for row in mine})
        means = [fmean(100 * row.value for row in mine if row.epoch == n) for n in epochs]
        # Neither end of the map: it shows on white and on black.
        colour = colormaps["viridis"](0.25 + 0.6 * number / max(1, len(layers) - 1))
        axes.plot(epochs, means, "o-", markersize=3, color=colour,
                  label=layer.removeprefix(f"{KEPT}/"))  # fmt: skip
    axes.set(title=f"Kept by layer, energy {share:g}", xlabel="epoch", ylabel="measured keep (%)")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes, 3)
