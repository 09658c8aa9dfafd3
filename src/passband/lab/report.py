"""A run directory as one page: table, figures, config and what to make of them.

The page is a single file that asks nothing of the network.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import yaml

from passband.lab import config, environment, figures, results, table
from passband.lab.figures import Figure
from passband.lab.files import make_writable, read_yaml, write_atomic
from passband.lab.results import Row

FILE_NAME = "report.html"
_STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def build(directory: Path) -> Path:
    """Writes ``report.html`` and ``figures/*.svg`` from a run directory's table and config.

    Args:
        directory: Holds ``results.csv`` and ``config.yaml``.

    Returns:
        The page.

    Raises:
        FileNotFoundError: One of the two is missing; the error names it.
        ValueError: One of them is damaged, or the table is empty.
        OSError: The directory cannot be written.
    """
    rows = results.read(directory / results.FILE_NAME)
    if not rows:
        raise ValueError(f"{directory / results.FILE_NAME} has no results yet")
    run = read_yaml(directory / config.FILE_NAME)
    about = environment.load(directory)
    drawn = figures.draw(rows)
    make_writable(directory / "figures")
    for figure in drawn:
        write_atomic(directory / "figures" / f"{figure.name}.svg", figure.svg)
    write_atomic(directory / FILE_NAME, page(rows, run, about, drawn))
    return directory / FILE_NAME


def page(
    rows: Sequence[Row],
    run: Mapping[str, Any],
    about: Mapping[str, Any],
    drawn: Sequence[Figure],
) -> str:
    """The page as HTML text.

    Args:
        rows: The table.
        run: The run's config.
        about: Versions and machine of the run.
        drawn: The figures.
    """
    study = rows[0].study
    versions = {name: value for name, value in about.items() if name != "samples"}
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>passband: {escape(study)}</title>
<style>
{_STYLE}</style>
</head>
<body>
<main>
<header><p class="brand">passband</p><h1>{escape(_title(study))}</h1></header>
{"".join(_sections(rows, drawn))}
<section aria-labelledby="notes"><h2 id="notes">How to read this</h2>
<ul>{"".join(f"<li>{note}</li>" for note in _notes(rows, run, about))}</ul></section>
<section aria-labelledby="asked"><h2 id="asked">What was asked</h2>
<pre tabindex="0">{escape(yaml.safe_dump(dict(run), sort_keys=False))}</pre></section>
<section aria-labelledby="where"><h2 id="where">Versions and machine</h2>
<dl>{"".join(f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in versions.items())}
</dl></section>
</main>
</body>
</html>
"""


def _title(study: str) -> str:
    known = {
        "rates": "Accuracy, memory and time as the band narrows",
        "train": "A training run",
    }
    return known.get(study, f"Study {study}")


def _sections(rows: Sequence[Row], drawn: Sequence[Figure]) -> Iterable[str]:
    """Table and figures of each (data, model)."""
    for (data, model), lines in table.tables(rows).items():
        title = escape(f"{model} on {data}")
        yield f"<section><h2>{title}</h2>\n{_table(title, lines)}\n<div class='figures'>\n"
        for figure in drawn:
            if (figure.data, figure.model) == (data, model):
                yield f"<figure>{_inline(figure)}</figure>\n"
        yield "</div></section>\n"


def _table(title: str, lines: Iterable[Sequence[str]]) -> str:
    headings, *body_lines = lines
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in headings)
    body = ""
    for keep, *cells in body_lines:
        mark = ' class="plain"' if keep == "plain" else ""
        body += f'<tr{mark}><th scope="row">{escape(keep)}</th>'
        body += "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Results of {title}">'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _inline(figure: Figure) -> str:
    """An SVG element for HTML, where names of XML vocabularies are neither needed nor wanted."""
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", figure.svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(figure.alt)}"', 1).strip()


def _notes(rows: Sequence[Row], run: Mapping[str, Any], about: Mapping[str, Any]) -> Iterable[str]:
    samples = about.get("samples") or {}
    for name in dict.fromkeys(row.data for row in rows):
        count = samples.get(name)
        size = f": {count['train']} samples to train, {count['test']} to test" if count else ""
        yield f"Data: <b>{escape(name)}</b>{size}."
    seeds = len({row.seed for row in rows})
    spread = (
        "A single seed says nothing about the spread."
        if seeds == 1
        else "± is one sample standard deviation over seeds; with few seeds it is a rough guess."
    )
    yield f"{seeds} seed{'s' if seeds > 1 else ''}. {spread}"
    yield (
        "Accuracy is the <b>last</b> epoch's on the test set, which had no part in any choice: "
        "no epoch was picked."
    )
    if any(row.keep is not None for row in rows):
        yield (
            "<b>keep</b> is what was asked, <b>measured</b> what the converted layers really keep "
            "of the half spectrum after rounding to whole frequencies, weighted by channels. "
            "<b>plain</b> is the unconverted model with PyTorch's own convolutions."
        )
    metrics = {row.metric for row in rows}
    if "saved_bytes" in metrics:
        yield (
            "Saved bytes are those of distinct storages that autograd holds for backward after "
            "forward and loss of one batch, parameters excluded: not the process's peak. "
            "Converting convolutions alone need not lower them: the map that a convolution then "
            "no longer holds may still be held by the activation or pooling before it."
        )
    if "step_ratio" in metrics:
        repeats = run.get("repeats")
        yield (
            "A step is forward, loss, backward and update on one fixed batch. All settings were "
            f"timed in turn in one process{f', {repeats} times per seed' if repeats else ''}; "
            "milliseconds are medians, and the ratio to plain is the median of paired ratios. "
            "They hold for this machine and what else it did; differences of a few percent are "
            "noise. Below 1 is faster than plain."
        )
