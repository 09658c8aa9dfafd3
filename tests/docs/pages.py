"""The pages that a reader meets, and the blocks of code on them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import yaml
from sybil import Document, Example, Region, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, FencedCodeBlockLexer
from sybil.typing import Evaluator

ROOT = Path(__file__).parents[2]
_MADE = {"_build", "gallery", "generated"}  # by the build of the site
_FOR_A_SHELL = ("", "console")


def pages() -> list[Path]:
    """README, the site's pages and whatever else is written in Markdown."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    return sorted(page for page in found if not _MADE & set(page.relative_to(ROOT).parts))


def document(page: Path) -> Document:
    """A page with its blocks as examples."""
    return Sybil(parsers=[_blocks]).parse(page)


def commands_of(page: Path) -> list[list[str]]:
    """The words of each command of a page, without comments and variables set before it."""
    blocks = [one.parsed for one in document(page).examples() if one.region.evaluator is _shell]
    lines = "\n".join(map(str, blocks)).replace("\\\n", " ").splitlines()
    split = [shlex.split(re.sub(r"^\$ ", "", line), comments=True) for line in lines]
    commands = [[*dropwhile(re.compile(r"[A-Z_]+=").match, words)] for words in split]
    return [words for words in commands if words]


def _blocks(document: Document) -> Iterator[Region]:
    """Fenced blocks by their language, and those that readers do not see."""
    for region in DirectiveInHTMLCommentLexer("invisible-code-block", "python")(document):
        yield _evaluated(region, _python)
    end = 0  # of the Python before
    for region in FencedCodeBlockLexer(r"[^\n]*?")(document):
        language = region.lexemes["language"]
        if language == "python":
            end = region.end
        if language.startswith("{"):  # a directive of Sphinx
            continue
        printed = language == "" and end and not document.text[end : region.start].strip()
        yield _evaluated(region, _printed if printed else _EVALUATORS[language])


def _evaluated(region: Region, evaluator: Evaluator) -> Region:
    region.parsed = region.lexemes["source"]
    region.evaluator = evaluator
    return region


def _python(example: Example) -> None:
    """Runs it; what it prints is kept for the block that follows."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        PythonEvaluator()(example)
    example.document.namespace["_printed"] = printed.getvalue()


def _printed(example: Example) -> str | None:
    """What stands directly behind Python is what it prints."""
    printed = example.document.namespace["_printed"]
    right = _lines(printed) == _lines(str(example.parsed))
    return None if right else f"it prints\n{printed}"


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _shell(example: Example) -> None:
    """Is looked at by `test_commands.py`."""


def _drawing(example: Example) -> None:
    """Made of letters: there is nothing to run."""


def _yaml(example: Example) -> None:
    yaml.safe_load(str(example.parsed))


def _bibtex(example: Example) -> None:
    assert re.match(r"@\w+\{\w+,", str(example.parsed)), example.parsed


_EVALUATORS = {
    "python": _python,
    "yaml": _yaml,
    "bibtex": _bibtex,
    "text": _drawing,
    **dict.fromkeys(_FOR_A_SHELL, _shell),
}
