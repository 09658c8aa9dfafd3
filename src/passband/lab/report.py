"""A run directory as one page: table, figures, config and what to make of them.

The page is a single file that asks nothing of the network.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from passband.atomic import write_atomic
from passband.lab import config, environment, papers, results
from passband.lab.figures import Figure
from passband.lab.files import make_writable, read_yaml
from passband.lab.notes import of_data
from passband.lab.overlay import beside, of_papers
from passband.lab.results import Row
from passband.lab.studies import STUDIES
from passband.lab.studies.study import Lines, Study
from passband.spelling import meant

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
    shown = _Shown.read(directory)
    make_writable(directory / "figures")
    for figure in chain.from_iterable(shown.figures.values()):
        write_atomic(directory / "figures" / f"{figure.name}.svg", figure.svg)
    write_atomic(directory / FILE_NAME, page(shown.title, [shown]))
    return directory / FILE_NAME


def build_together(directories: Sequence[Path], out: Path) -> Path:
    """Writes one page of several run directories.

    Args:
        directories: As for ``build``.
        out: The page.

    Returns:
        The page.

    Raises:
        FileNotFoundError, ValueError, OSError: As for ``build``.
    """
    shown = [_Shown.read(directory) for directory in directories]
    make_writable(out.parent)
    write_atomic(out, page("Several studies", shown))
    return out


def tables(directory: Path) -> Mapping[str, Lines]:
    """The tables of a run directory, by title; errors are those of ``build``."""
    return _Shown.read(directory, draw=False).tables


@dataclass(frozen=True)
class _Shown:
    """What a page shows of one run directory.

    Attributes:
        title: Its heading.
        tables: By title.
        figures: By the title of the table that they stand below, or one of their own.
        notes: How to read them, as HTML.
        run: The run's config.
        about: Versions and machine of the run.
    """

    title: str
    tables: Mapping[str, Lines]
    figures: Mapping[str, list[Figure]]
    notes: Sequence[str]
    run: Mapping[str, Any]
    about: Mapping[str, Any]

    @classmethod
    def read(cls, directory: Path, *, draw: bool = True) -> "_Shown":
        rows, study = _read(directory)
        run = read_yaml(directory / config.FILE_NAME)
        about = environment.load(directory)
        _check_stored(directory, run, about)
        figures = {**study.figures(rows, directory), **beside(run, rows)} if draw else {}
        notes = [*of_data(rows, about), *study.notes(rows, run), *of_papers(run)]
        title = _TITLES.get(rows[0].study, study.title)
        return cls(title, study.tables(rows), figures, notes, run, about)


def _check_stored(directory: Path, run: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Whether what the page reads of a config and of an environment is as a run writes it."""
    bases, names = run.get("base") or [], run.get("paper") or []
    policies = [base.get("memory") for base in bases] if _holds(bases, dict) else [bases]
    if not _holds(policies, str | None):
        raise ValueError(
            f"{directory / config.FILE_NAME} is damaged: base holds configs; got {bases!r:.200}"
        )
    if not _holds(names, str) or not {*names} <= {*papers.available()}:
        raise ValueError(
            f"{directory / config.FILE_NAME} is damaged: paper holds names of "
            f"{', '.join(papers.available())}; got {names!r:.200}"
        )
    samples = about.get("samples") or {}
    if not isinstance(samples, dict) or not _holds([*samples.values()], dict | None):
        raise ValueError(
            f"{directory / environment.FILE_NAME} is damaged: samples holds counts by data set; "
            f"got {samples!r:.200}"
        )


def _holds(entries: object, kind: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(entry, kind) for entry in entries)


def _read(directory: Path) -> tuple[list[Row], Study]:
    """The rows, and the study whose they are; a single run is shown as one of ``rates``."""
    rows = results.read(directory / results.FILE_NAME)
    if not rows:
        raise ValueError(f"{directory / results.FILE_NAME} has no results yet")
    name = rows[0].study
    if name not in STUDIES and name not in _TITLES:
        raise ValueError(
            f"{directory / results.FILE_NAME} is of an unknown study {name!r}; "
            f"there is {', '.join(STUDIES)}{meant(name, STUDIES)}"
        )
    return rows, STUDIES.get(name, STUDIES["rates"])


def page(title: str, runs: Sequence[_Shown]) -> str:
    """The page as HTML text.

    Args:
        title: Its heading.
        runs: What it shows. Of several, each has a heading of its own.
    """
    several = len(runs) > 1
    parts = [_run(shown, number if several else None) for number, shown in enumerate(runs, 1)]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>passband: {escape(title)}</title>
<style>
{_STYLE}</style>
</head>
<body>
<main>
<header><p class="brand">passband</p><h1>{escape(title)}</h1></header>
{"".join(parts)}</main>
</body>
</html>
"""


def _run(shown: _Shown, number: int | None) -> str:
    """One run directory; of several, the number sets its elements apart."""
    mark = "" if number is None else f"-{number}"
    head = "" if number is None else f'<h2 class="run">{escape(shown.title)}</h2>\n'
    own = [title for title in shown.figures if title not in shown.tables]
    sections = [
        *(_section(title, lines, shown.figures.get(title, []), mark)
          for title, lines in shown.tables.items()),
        *(_section(title, None, shown.figures[title], mark) for title in own),
    ]  # fmt: skip
    command = shown.about.get("command")
    again = f"<pre tabindex='0'>{escape(str(command))}</pre>\n" if command else ""
    versions = {k: v for k, v in shown.about.items() if k not in ("samples", "command")}
    return f"""{head}{"".join(sections)}
<section aria-labelledby="notes{mark}"><h2 id="notes{mark}">How to read this</h2>
<ul>{"".join(f"<li>{note}</li>" for note in shown.notes)}</ul></section>
<section aria-labelledby="asked{mark}"><h2 id="asked{mark}">What was asked</h2>
{again}<details><summary>every setting</summary>
<pre tabindex="0">{escape(yaml.safe_dump(dict(shown.run), sort_keys=False))}</pre>
</details></section>
<section aria-labelledby="where{mark}"><h2 id="where{mark}">Versions and machine</h2>
<dl>{"".join(f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in versions.items())}
</dl></section>
"""


_WIDE = 450  # points: of more than one panel


def _section(title: str, lines: Lines | None, drawn: Sequence[Figure], mark: str) -> str:
    """A table, if there is one, and the figures below it."""
    title = escape(title)
    figures = "".join(
        f"<figure{_width(figure)}>{_inline(figure, mark)}</figure>\n" for figure in drawn
    )
    table = "" if lines is None else _table(title, lines)
    return f"<section><h2>{title}</h2>\n{table}\n<div class='figures'>\n{figures}</div></section>\n"


def _width(figure: Figure) -> str:
    """A figure of several panels has a line of its own, and is scrolled where that is narrow."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ', figure.svg)
    return " class='wide' tabindex='0'" if found and float(found[1]) > _WIDE else ""


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


def _inline(figure: Figure, mark: str) -> str:
    """An SVG element for HTML, where names of XML vocabularies are neither needed nor wanted."""
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", figure.svg)
    svg = re.sub(r'(id="|#)([mp][0-9a-f]{10})\b', rf"\1\2{mark}", svg)  # one page, one owner
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(figure.alt)}"', 1).strip()
