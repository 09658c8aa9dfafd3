"""Table, bars and notes of ways to train in less memory, ours and the paper's."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from passband.lab.drawing import BAND, PLAIN, svg
from passband.lab.figures import MIB, Figure, file_name
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.methods import METHODS, PAPER_ONLY, Method
from passband.lab.studies.spectral import by_plain
from passband.lab.studies.study import Lines
from passband.lab.table import cell
from passband.lab.terminal import without_empty_columns

_HEADINGS = (
    "method", "held ÷ plain", "the paper's", "of", "held MiB", "peak MiB", "÷ plain", "step ms",
    "÷ plain", "accuracy %",
)  # fmt: skip


def methods_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """A table for each plain network, a line for each method; the paper's own beside ours."""
    return {_title(*group): _lines(group[1], mine) for group, mine in by_plain(rows).items()}


def _title(data: str, plain: str) -> str:
    return f"Training {plain} on {data} in less memory"


def _found(rows: Sequence[Row]) -> dict[Method, dict[str, Summary]]:
    """What was measured of each method, in their order."""
    by_name = {method.name: method for method in METHODS}
    found: dict[Method, dict[str, Summary]] = {}
    for one in summarise(rows):
        # Trained as a spectral network, measured as a method of its own.
        name = "spec_bn" if one.variant == "spec" and one.model.endswith("_bn") else one.variant
        found.setdefault(by_name[name], {})[one.metric] = one
    return {method: found[method] for method in METHODS if "saved_bytes" in found.get(method, {})}


def _lines(plain: str, rows: Sequence[Row]) -> Lines:
    found = _found(rows)
    whole = next((of["peak_bytes"].mean for m, of in found.items() if m.name == "plain"), None)
    body: list[tuple[str, ...]] = []
    for method, of in found.items():
        peak = of["peak_bytes"].mean
        body.append(
            (
                _label(method, of),
                f"{of['relative_memory'].mean:.2f}",
                f"{method.paper[plain]:.2f}" if plain in method.paper else "",
                method.whose if plain in method.paper else "",
                f"{of['saved_bytes'].mean / MIB:.2f}",
                f"{peak / MIB:.2f}",
                f"{peak / whole:.2f}" if whole else "",
                cell(of.get("step_seconds"), 1000, 0),
                cell(of.get("step_ratio"), 1, 2),
                cell(of.get("test_accuracy"), 100, 1),
            )
        )
    for name, figures in PAPER_ONLY.items():
        if plain in figures:
            body.append(("not here", "", f"{figures[plain]:.2f}", name, *[""] * 6))
    return without_empty_columns(_HEADINGS, body)


def _label(method: Method, of: dict[str, Summary]) -> str:
    keep, beta = of["saved_bytes"].keep, of["saved_bytes"].beta
    setting = "" if keep is None else f", keep {keep:g}"
    return method.label + (setting if beta is None else f", beta {beta:g}")


def methods_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Bars of relative memory for each plain network."""
    drawn = {}
    for (data, plain), mine in by_plain(rows).items():
        found = _found(mine)
        if found:
            name = file_name(data, plain, "methods")
            alt = f"Relative memory of ways to train {plain} on {data}, ours and the paper's"
            size = 6.4, 0.55 * (len(found) + len(PAPER_ONLY)) + 1.2
            text = svg(name, partial(_paint, plain=plain, found=found), size)
            drawn[_title(data, plain)] = [Figure(name, alt, text)]
    return drawn


def _paint(axes: Axes, plain: str, found: dict[Method, dict[str, Summary]]) -> None:
    here = [(_label(m, of), of["relative_memory"].mean, m) for m, of in found.items()]
    labels = [label for label, _, _ in here]
    axes.barh(range(len(here)), [value for _, value, _ in here], 0.38, color=BAND,
              label="measured here")  # fmt: skip
    papers = [
        (at + 0.4, method.paper[plain], method.whose)
        for at, (_, _, method) in enumerate(here)
        if plain in method.paper
    ]
    for name, figures in PAPER_ONLY.items():
        if plain in figures:
            papers.append((len(labels) + 0.4, figures[plain], name))
            labels.append("")
    if papers:
        places, values, _ = zip(*papers, strict=True)
        axes.barh(places, values, 0.38, color=PLAIN, alpha=0.75, label="the paper's, CIFAR-10")
        for place, value, name in papers:
            axes.annotate(name, (value, place), (4, 0), textcoords="offset points", fontsize=8,
                          va="center")  # fmt: skip
    for at, (_, value, _) in enumerate(here):
        axes.annotate(f"{value:.2f}", (value, at), (4, 0), textcoords="offset points", fontsize=8,
                      va="center")  # fmt: skip
    axes.set_yticks([at + 0.2 for at in range(len(labels))], labels)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set(title=f"Memory held for backward, {plain}", xlabel="held ÷ plain's", xlim=(0, 1.12))
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.4, -0.12))


def methods_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "<b>held</b> is what the graph keeps allocated after forward and loss of one training "
        "batch, with trained weights, whoever keeps it; <b>peak</b> the most that a step allocates "
        "at a time beside weights, optimiser and batch."
    )
    yield (
        "<b>the paper's</b> are relative memories on CIFAR-10 from table 2 of SpecNet, for its VGG "
        "and DenseNet; how it counted them is not said. They are not measured here."
    )
    yield (
        "Spectral and band-limited networks are other functions than the plain one: look at their "
        "accuracy. All other ways compute what the plain network computes, in less memory, and "
        "have its accuracy."
    )
    yield (
        "<b>offload</b>: on a CPU there is no other memory; what is held is moved into NumPy's, "
        "and counted is what PyTorch's allocator then still has, which is what would stay on a "
        "GPU. Its time is that of copies within the machine's memory, not over a bus. The peak "
        "says more than what is held: what is moved away comes back."
    )
    yield (
        f"Steps were timed {run.get('repeats')} times in turns with the plain network's, in one "
        "process; medians. They hold for this machine and what else it did."
    )
