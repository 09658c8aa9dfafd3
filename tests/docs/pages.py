"""The pages that a reader meets, and the code blocks on them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import yaml
from sybil import Document, Example, Region, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, FencedCodeBlockLexer

ROOT = Path(__file__).parents[2]
_MADE = ("_build", "gallery", "generated")  # by the build of the site


def pages() -> list[Path]:
    """README, the site's pages and whatever else is written in Markdown."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    return sorted(page for page in found if not set(_MADE) & set(page.relative_to(ROOT).parts))


def document(page: Path) -> Document:
    """A page with its blocks as examples."""
    return Sybil(parsers=[_blocks]).parse(page)


def commands(block: str) -> list[list[str]]:
    """The words of each command of a block for a shell, without comments.

    Example:
        >>> commands("A=1 passband study rates \\\\\\n    --keep 1  # both\\n")
        [['A=1', 'passband', 'study', 'rates', '--keep', '1']]
    """
    joined = block.replace("\\\n", " ")
    lines = [re.sub(r"^\$ ", "", line) for line in joined.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def _blocks(document: Document) -> Iterator[Region]:
    """Fenced blocks by their language, and those that readers do not see."""
    hidden = DirectiveInHTMLCommentLexer("invisible-code-block", "python")
    for region in hidden(document):
        yield _region(region, "python")
    for region in FencedCodeBlockLexer(r"[^\n]*?")(document):
        language = region.lexemes["language"]
        if not language.startswith("{"):  # a directive of Sphinx
            yield _region(region, language)


def _region(region: Region, language: str) -> Region:
    region.parsed = region.lexemes["source"]
    region.evaluator = _EVALUATORS[language]
    return region


def _python(example: Example) -> None:
    """Runs it; what it prints is kept for the block that follows."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        PythonEvaluator()(example)
    example.document.namespace["_printed"] = (example.region.end, printed.getvalue())


def _words(example: Example) -> str | None:
    """What stands directly behind Python is its output; anything else is for a shell."""
    end, printed = example.document.namespace.get("_printed", (0, ""))
    if printed and not example.document.text[end : example.region.start].strip():
        said = _lines(str(example.parsed))
        return None if _lines(printed) == said else f"it prints\n{printed}"
    example.document.namespace.setdefault("_commands", []).extend(commands(str(example.parsed)))
    return None


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _yaml(example: Example) -> None:
    yaml.safe_load(str(example.parsed))


def _bib(example: Example) -> None:
    assert re.match(r"@\w+\{\w+,", str(example.parsed)), example.parsed


_EVALUATORS = {"python": _python, "": _words, "console": _words, "yaml": _yaml, "bibtex": _bib}
