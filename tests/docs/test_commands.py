"""What the pages tell a shell: each line is understood, and `passband`'s are run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pages import ROOT, commands_of, pages

from passband.lab import cli
from passband.lab.arguments import parser
from passband.lab.bench.config import GROUPS
from passband.lab.models import available
from passband.lab.studies import STUDIES

SAID = {page: found for page in pages() if (found := commands_of(page))}
NAMES = [str(page.relative_to(ROOT)) for page in SAID]
IN_CI = ("README.md", "docs/start.md", "docs/guides/save-and-export.md")

# What makes a run short, by the word that it replaces.
SHORT = {"--epochs": "1", "--seeds": "1", "--repeats": "1", "--limit": "48", "--samples": "16"}


@pytest.mark.parametrize("page", SAID, ids=NAMES)
def test_commands_are_understood(page: Path) -> None:
    for words in SAID[page]:
        program, *rest = words
        assert UNDERSTOOD[program](rest), words


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=() if name in IN_CI else pytest.mark.slow)
        for page, name in zip(SAID, NAMES, strict=True)
    ],
    ids=NAMES,
)
def test_commands_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they stand, made short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for program, *words in SAID[page]:
        if program == "passband" and words[0] != "demo":  # `make demo`, which takes minutes
            assert cli.main(shortened(words)) == 0, words


def shortened(words: list[str]) -> list[str]:
    """The same command, of which less is to be done."""
    command, *rest = words
    name = rest[0] if rest else ""
    takes: set[str] = set()
    if command == "train":
        takes = {"--epochs", "--limit"}
    elif command == "study" and name != "list":
        study = STUDIES.get(name)
        takes = {"--epochs", "--limit"} if study is None or study.trains else set()
        if study is None:  # an experiment of a paper, whose data nobody has here
            rest = [*without(rest, "--data-dir", 1), "--bundled"]
        else:
            options = {f"--{option.replace('_', '-')}" for option in study.options}
            takes |= options & set(SHORT)
    elif command == "export":
        takes = {"--repeats"}
        rest = ["lenet5" if name in available() else name, *rest[1:]]
    elif command == "bench":
        takes = {"--repeats"} | ({"--epochs"} if name == "memory" else set())
        if name == "conv":
            groups = [word for word in rest if word in GROUPS] or ["small"]
            rest = [*without(rest, "--group", len(groups)), "--group", groups[0]]
            rest += ["--case", GROUPS[groups[0]]()[0].name]
    for flag in takes:
        rest = without(rest, flag, 1)
    return [command, *rest, *(word for flag in sorted(takes) for word in (flag, SHORT[flag]))]


def without(words: list[str], flag: str, values: int) -> list[str]:
    """Less a flag and what follows it."""
    if flag not in words:
        return words
    at = words.index(flag)
    return [*words[:at], *words[at + 1 + values :]]


def _passband(words: list[str]) -> bool:
    try:
        parser().parse_args(words)
    except SystemExit as ended:  # --help, --version
        return ended.code == 0
    return True


def _python(words: list[str]) -> bool:
    if words[:2] == ["-m", "pytest"]:
        return all((ROOT / word).exists() for word in words[2:] if word.startswith("tests"))
    if words[0] in ("-c", "-m"):
        return True
    return (ROOT / words[0]).is_file()


def _pip(words: list[str]) -> bool:
    asked = set(re.findall(r"\[([^\]]+)\]", " ".join(words)))
    extras = re.search(
        r"\[project.optional-dependencies\](.*?)\n\[", (ROOT / "pyproject.toml").read_text(), re.S
    )
    assert extras is not None
    known = set(re.findall(r"^(\w+) = \[", extras[1], re.MULTILINE))
    return {extra for several in asked for extra in several.split(",")} <= known


def _make(words: list[str]) -> bool:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(words) <= set(targets)


UNDERSTOOD: dict[str, Callable[[list[str]], bool]] = {
    "passband": _passband, "python": _python, ".venv/bin/python": _python, "pip": _pip,
    ".venv/bin/pip": _pip, "make": _make, "git": bool, "cd": bool,
    "torchrun": bool,
}  # fmt: skip
