"""Tables, figures and notes of the study ``ucr``."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes

from passband.lab.drawing import BAND, INK, PLAIN, RAMP, svg
from passband.lab.figures import Figure, file_name
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.ranks import (
    cliques,
    critical_difference,
    ranks,
    signed_rank,
    wins_ties_losses,
)
from passband.lab.studies.study import Lines
from passband.lab.table import cell

Problems = dict[str, dict[str, Summary]]
"""Accuracies by problem, then by setting, ``plain`` the first; problems that have them all."""


def ucr_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """For each model: what comes out over all problems, and the accuracy on each."""
    found: dict[str, Lines] = {}
    for model, problems in by_model(rows).items():
        if problems:
            found[_over_all(model)] = _comparison(problems)
            found[_each(model)] = _of_each(problems)
    return found


def by_model(rows: Sequence[Row]) -> dict[str, Problems]:
    """Accuracies of each model."""
    models: dict[str, Problems] = {}
    for one in summarise(row for row in rows if row.metric == "test_accuracy"):
        setting = f"{one.variant} {one.at:g}" if one.at is not None else "plain"
        setting = setting if one.keep is None else f"keep {one.keep:g}"
        models.setdefault(one.model, {}).setdefault(one.data, {})[setting] = one
    for model, problems in models.items():
        most = max(map(len, problems.values()))
        models[model] = {name: of for name, of in problems.items() if len(of) == most}
    return models


def _over_all(model: str) -> str:
    return f"{model} over all problems"


def _each(model: str) -> str:
    return f"{model} on each problem"


def accuracies(problems: Problems) -> dict[str, list[float]]:
    """Mean over seeds of each problem, by setting."""
    settings = next(iter(problems.values()))
    return {setting: [of[setting].mean for of in problems.values()] for setting in settings}


def average_ranks(problems: Problems) -> dict[str, float]:
    """Mean rank of each setting, 1 being best."""
    found = accuracies(problems)
    each = [ranks(scores) for scores in zip(*found.values(), strict=True)]
    return {setting: fmean(of) for setting, of in zip(found, zip(*each, strict=True), strict=True)}


def _comparison(problems: Problems) -> Lines:
    found, average = accuracies(problems), average_ranks(problems)
    lines: Lines = [("setting", "problems", "accuracy %", "difference", "win-tie-loss",
                     "Wilcoxon p", "average rank")]  # fmt: skip
    for setting, mine in found.items():
        better = [one - plain for one, plain in zip(mine, found["plain"], strict=True)]
        compared = ("", "", "")
        if setting != "plain":
            wins = "-".join(map(str, wins_ties_losses(better)))
            compared = (f"{100 * fmean(better):+.1f}", wins, f"{signed_rank(better):.3f}")
        accuracy = f"{100 * fmean(mine):.1f}"
        lines.append((setting, str(len(mine)), accuracy, *compared, f"{average[setting]:.2f}"))
    return lines


def _of_each(problems: Problems) -> Lines:
    settings = list(next(iter(problems.values())))
    lines: Lines = [("problem", *settings, *(f"{one} - plain" for one in settings[1:]))]
    for name, of in problems.items():
        differences = [100 * (of[one].mean - of["plain"].mean) for one in settings[1:]]
        lines.append(
            (
                name.removeprefix("ucr:"),
                *(cell(of[one], 100, 1) for one in settings),
                *(f"{one:+.1f}" for one in differences),
            )
        )
    return lines


def ucr_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """Accuracies against plain's, and from three settings on the critical-difference diagram."""
    drawn: dict[str, list[Figure]] = {}
    for model, problems in by_model(rows).items():
        if not problems:
            continue
        average = average_ranks(problems)
        difference = critical_difference(len(average), len(problems))
        name = file_name(model, "ucr", "scatter")
        alt = f"Accuracy of {model} with bands against plain, a dot for each problem"
        text = svg(name, partial(_scatter, found=accuracies(problems)), (4.6, 4.6))
        mine = drawn.setdefault(_over_all(model), [Figure(name, alt, text)])
        if len(average) > 2 and difference is not None:
            name = file_name(model, "ucr", "ranks")
            alt = f"Average ranks of {model} with bands; lines join those that do not differ"
            paint = partial(_ranks, average=average, difference=difference)
            size = 5.6, 1.3 + 0.25 * len(average)
            mine.append(Figure(name, alt, svg(name, paint, size)))
    return drawn


def _scatter(axes: Axes, found: Mapping[str, Sequence[float]]) -> None:
    whole = [100 * one for one in found["plain"]]
    every = [100 * one for mine in found.values() for one in mine]
    low = max(0.0, min(every) - 3)
    axes.plot((low, 101), (low, 101), color=PLAIN, linestyle="--", linewidth=1)
    bands = [setting for setting in found if setting != "plain"]
    colours = (BAND, *RAMP[1:]) if len(bands) > 1 else (BAND,)
    for setting, colour in zip(bands, colours, strict=False):
        mine = [100 * one for one in found[setting]]
        axes.scatter(whole, mine, s=22, color=colour, alpha=0.8, linewidths=0, label=setting)
    axes.set(title="Each problem", xlabel="accuracy of plain (%)",
             ylabel="accuracy with the band (%)", xlim=(low, 101), ylim=(low, 101),
             aspect="equal")  # fmt: skip
    axes.legend(loc="upper left")


def _ranks(axes: Axes, average: Mapping[str, float], difference: float) -> None:
    """Critical-difference diagram (Demšar 2006, figure 1)."""
    ordered = sorted(average.items(), key=lambda item: item[1])
    for row, (setting, rank) in enumerate(ordered, 1):
        axes.plot((rank, rank), (0, row), color=INK, linewidth=0.8)
        axes.annotate(f"{setting}  {rank:.2f}", (rank, row), (4, -3), textcoords="offset points",
                      fontsize=8)  # fmt: skip
    for row, (low, high) in enumerate(cliques(list(average.values()), difference)):
        height = 0.25 + 0.25 * row
        axes.plot((low, high), (height, height), color=BAND, linewidth=4, solid_capstyle="round")
    axes.set(title=f"Average ranks; critical difference {difference:.2f}", xlabel="rank, 1 is best",
             xlim=(0.9, len(average) + 0.6), ylim=(len(ordered) + 0.6, 0))  # fmt: skip
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_ticks(range(1, len(average) + 1))


def ucr_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "Accuracies are means over seeds. <b>difference</b> is the mean over problems, in points, "
        "to plain; <b>Wilcoxon p</b> the exact two-sided probability of the signed-rank test: "
        "below 0.05 the settings differ, above it nothing is shown. With fewer than six problems "
        "it cannot be below. The test takes problems as independent."
    )
    for model, problems in by_model(rows).items():
        settings = len(next(iter(problems.values()), {}))
        difference = critical_difference(settings, len(problems)) if problems else None
        if settings > 2 and difference is not None:
            yield (
                f"{escape(model)}: average ranks that are at least {difference:.2f} apart differ "
                "at the level 0.05 by Nemenyi's test (Demšar 2006); lines in the diagram join "
                "those that do not."
            )
    yield (
        "Problems that cannot be read or used are left out: the last section says which, and why. "
        "The paper trained for up to 2000 epochs and reports the best of them on the "
        "test set: not to be compared. <code>passband study ucr --epochs 60 --seeds 5 --out DIR"
        "</code> trains by the model's own recipe, <code>--root FOLDER</code> on a whole archive."
    )
