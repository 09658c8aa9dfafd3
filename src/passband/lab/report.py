"""A run directory as one page: table, figures, config and what to make of them.

The page is a single file that asks nothing of the network.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from passband.lab import config, environment, results
from passband.lab.figures import Figure
from passband.lab.files import make_writable, read_yaml, write_atomic
from passband.lab.notes import of_data
from passband.lab.results import Row
from passband.lab.studies import STUDIES
from passband.lab.studies.study import Lines, Study

FILE_NAME = "report.html"
_TITLES = {"train": "A training run"}  # of what is no study
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
    rows, study = _read(directory)
    run = read_yaml(directory / config.FILE_NAME)
    about = environment.load(directory)
    drawn = study.figures(rows, directory)
    make_writable(directory / "figures")
    for figure in chain.from_iterable(drawn.values()):
        write_atomic(directory / "figures" / f"{figure.name}.svg", figure.svg)
    parts = [
        _section(title, lines, drawn.get(title, [])) for title, lines in study.tables(rows).items()
    ]
    notes = [*of_data(rows, about), *study.notes(rows, run)]
    title = _TITLES.get(rows[0].study, study.title)
    text = page(rows[0].study, title, "".join(parts), notes, run, about)
    write_atomic(directory / FILE_NAME, text)
    return directory / FILE_NAME


def tables(directory: Path) -> Mapping[str, Lines]:
    """The tables of a run directory, by title; errors are those of ``build``."""
    rows, study = _read(directory)
    return study.tables(rows)


def _read(directory: Path) -> tuple[list[Row], Study]:
    """The rows, and the study whose they are; a single run is shown as one of ``rates``."""
    rows = results.read(directory / results.FILE_NAME)
    if not rows:
        raise ValueError(f"{directory / results.FILE_NAME} has no results yet")
    name = rows[0].study
    if name not in STUDIES and name not in _TITLES:
        raise ValueError(
            f"{directory / results.FILE_NAME} is of an unknown study {name!r}; "
            f"there is {', '.join(STUDIES)}"
        )
    return rows, STUDIES.get(name, STUDIES["rates"])


def page(
    study: str,
    title: str,
    sections: str,
    notes: Sequence[str],
    run: Mapping[str, Any],
    about: Mapping[str, Any],
) -> str:
    """The page as HTML text.

    Args:
        study: Its name.
        title: Its heading.
        sections: Tables and figures, as HTML.
        notes: How to read them, as HTML.
        run: The run's config.
        about: Versions and machine of the run.
    """
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
<header><p class="brand">passband</p><h1>{escape(title)}</h1></header>
{sections}
<section aria-labelledby="notes"><h2 id="notes">How to read this</h2>
<ul>{"".join(f"<li>{note}</li>" for note in notes)}</ul></section>
<section aria-labelledby="asked"><h2 id="asked">What was asked</h2>
<pre tabindex="0">{escape(yaml.safe_dump(dict(run), sort_keys=False))}</pre></section>
<section aria-labelledby="where"><h2 id="where">Versions and machine</h2>
<dl>{"".join(f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in versions.items())}
</dl></section>
</main>
</body>
</html>
"""


def _section(title: str, lines: Lines, drawn: Sequence[Figure]) -> str:
    """A table and the figures below it."""
    title = escape(title)
    figures = "".join(f"<figure>{_inline(figure)}</figure>\n" for figure in drawn)
    return (
        f"<section><h2>{title}</h2>\n{_table(title, lines)}\n"
        f"<div class='figures'>\n{figures}</div></section>\n"
    )


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
