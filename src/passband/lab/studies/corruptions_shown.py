"""Tables and figures of the study ``corruptions``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.figure import Figure as Canvas

from passband.lab.curves import accuracy_curves, legend
from passband.lab.data.corruptions import GROUPS, group_of
from passband.lab.drawing import svg_of_many
from passband.lab.figures import Figure, file_name
from passband.lab.results import Row
from passband.lab.studies.by_keep import POINT, Keep, cells, heading, keeps, means, points, pooled
from passband.lab.studies.pairs import by_pair
from passband.lab.studies.study import Lines

CLEAN = "clean_accuracy"
OF = "corrupted:"  # before the name of the corruption


def corruptions_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """A line for each corruption, by group, and one for each severity; keeps side by side."""
    tables: dict[str, Lines] = {}
    for pair, mine in _pairs(rows).items():
        columns = keeps(mine)
        heads = tuple(heading(keep) for keep in columns)
        tables[_title(*pair)] = [("corruption", "group", *heads), *_lines(mine, columns)]
        by_severity: dict[float, list[Row]] = {}
        for row in _corrupted(mine):
            by_severity.setdefault(row.at or 0.0, []).append(row)
        tables[_severity_title(*pair)] = [
            ("severity", *heads),
            ("0 (clean)", *cells(_clean(mine), columns)),
            *((f"{at:g}", *cells(pooled(by_severity[at]), columns)) for at in sorted(by_severity)),
        ]
    return tables


def corruptions_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Accuracy over the severity, a drawing for each group and a line for each keep."""
    drawn = {}
    for pair, mine in _pairs(rows).items():
        name = file_name(*pair, "corruptions")
        groups = _groups(mine)
        drawn[_severity_title(*pair)] = [
            Figure(
                name,
                f"Test accuracy of {pair[1]} on {pair[0]} against the severity of "
                f"{', '.join(groups)}, a line for each keep",
                svg_of_many(name, partial(_paint, rows=mine, groups=groups),
                            (3.0 * len(groups) + 0.6, 3.4)),
            )
        ]  # fmt: skip
    return drawn


def corruptions_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    if run.get("corrupted"):
        yield (
            "The corrupted images are those of the folder, prepared as the network's own images "
            "are; accuracy on <b>clean</b> ones is on the test set of the data."
        )
    else:
        yield (
            "Corruptions are made of the test images as Hendrycks and Dietterich 2019 "
            "(arXiv:1903.12261) describe them: the kinds are theirs, the strengths near to theirs, "
            "the images not the published ones. Lengths in pixels were chosen for sides of 224 and "
            "scale with the side: in small images blurs are faint. Frost is left out, since it is "
            "photographs. Compare the columns with each other, not with other papers."
        )
    yield (
        "The networks of a seed see the same corrupted images. No network was trained with any "
        "corruption. A line is the mean over severities. <b>Error over plain</b> is the error over "
        "all severities ÷ plain's, in percent, averaged over corruptions: above 100 the network is "
        "worse than plain. It also counts that the network may be worse on clean images; <b>lost "
        "to corruption</b>, clean accuracy less the mean, does not."
    )
    for (data, model), mine in _pairs(rows).items():
        for keep in keeps(mine):
            if keep is not None:
                yield f"{model} on {data}: {_against_plain(mine, keep)}"
    yield (
        "Bands were found to help against noise of high frequencies and to hurt under loss of "
        "contrast (ICML 2019: 85.2 % plain and 69.2 % at keep 0.15, at half of the contrast). "
        "None of this is robustness against an adversary."
    )


def _against_plain(rows: Sequence[Row], keep: Keep) -> str:
    """Where a keep is better and worse than plain, in words."""
    found: dict[str, list[str]] = {"better": [], "worse": []}
    for name, mine in _by_name(rows).items():
        mean = means(pooled(mine))
        if keep not in mean or None not in mean:
            continue
        more = mean[keep] - mean[None]
        if abs(more) >= POINT:
            found["better" if more > 0 else "worse"].append(f"{name} ({100 * more:+.1f})")
    clean = means(_clean(rows))
    beside = f"{100 * clean[keep]:.1f} % clean beside plain's {100 * clean[None]:.1f} %"
    told = "; ".join(
        f"<b>{word}</b> than plain by a point or more in {', '.join(names) or 'none'}"
        for word, names in found.items()
    )
    return f"keep {keep:g} has {beside}, and is {told} (points of accuracy)."


def _lines(rows: Sequence[Row], columns: Sequence[Keep]) -> Lines:
    """Clean, then each corruption below the others of its group, the groups' means, all."""
    named = _by_name(rows)
    found: Lines = [("clean", "", *cells(_clean(rows), columns))]
    for group in _groups(rows):
        mine = {name: some for name, some in named.items() if group_of(name) == group}
        found += [(name, group, *cells(pooled(some), columns)) for name, some in mine.items()]
        if len(mine) > 1:
            whole = [row for some in mine.values() for row in some]
            found.append((f"mean of {group}", group, *cells(pooled(whole), columns)))
    mean = pooled(_corrupted(rows))
    return [
        *found,
        ("mean corruption accuracy", "all", *cells(mean, columns)),
        ("lost to corruption", "all", *cells(_lost(rows), columns)),
        ("error over plain", "all", *_without_plain(cells(_relative(named), columns), columns)),
    ]


def _lost(rows: Sequence[Row]) -> list[Row]:
    clean = {(row.keep, row.seed): row.value for row in _clean(rows)}
    return [
        replace(row, value=clean[row.keep, row.seed] - row.value)
        for row in pooled(_corrupted(rows))
    ]


def _relative(named: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The mean corruption error of the paper, with plain in place of its AlexNet."""
    ratios: dict[tuple[Keep, int], tuple[Row, list[float]]] = {}
    for mine in named.values():
        errors = {(row.keep, row.seed): (row, 1 - row.value) for row in pooled(mine)}
        for (keep, seed), (row, error) in errors.items():
            _, plain = errors.get((None, seed), (row, 0.0))
            if plain > 0:
                ratios.setdefault((keep, seed), (row, []))[1].append(error / plain)
    return [replace(row, value=fmean(values)) for row, values in ratios.values()]


def _without_plain(found: Sequence[str], columns: Sequence[Keep]) -> tuple[str, ...]:
    """Plain's is 100 by definition; a spread of 0 would be no measurement."""
    return tuple("100" if k is None else one for one, k in zip(found, columns, strict=True))


def _pairs(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    return by_pair(row for row in rows if row.metric == CLEAN or row.metric.startswith(OF))


def _clean(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.metric == CLEAN]


def _corrupted(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.metric.startswith(OF)]


def _by_name(rows: Sequence[Row]) -> dict[str, list[Row]]:
    named: dict[str, list[Row]] = {}
    for row in _corrupted(rows):
        named.setdefault(row.metric.removeprefix(OF), []).append(row)
    return named


def _groups(rows: Sequence[Row]) -> list[str]:
    there = {group_of(name) for name in _by_name(rows)}
    return [group for group in (*GROUPS, "other") if group in there]


def _title(data: str, model: str) -> str:
    return f"Accuracy (%) of {model} on {data}, by corruption"


def _severity_title(data: str, model: str) -> str:
    return f"Accuracy (%) of {model} on {data}, by severity"


def _paint(canvas: Canvas, rows: Sequence[Row], groups: Sequence[str]) -> None:
    for number, group in enumerate(groups, 1):
        axes = canvas.add_subplot(1, len(groups), number)
        mine: dict[float, list[Row]] = {}
        for row in _corrupted(rows):
            if group_of(row.metric.removeprefix(OF)) == group:
                mine.setdefault(row.at or 0.0, []).append(row)
        shown = [*_clean(rows)]
        for at, some in mine.items():
            shown += [replace(row, at=at) for row in pooled(some)]
        accuracy_curves(axes, points(shown))
        axes.set(title=group, xlabel="severity", ylim=(0, 103))
        if number == 1:
            axes.set_ylabel("test accuracy (%)")
            legend(axes)
