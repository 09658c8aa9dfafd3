"""What ``--help`` says: readable at 80 columns, with commands that are right."""

import re
import shlex
from typing import Any

import pytest

from passband.lab import cli
from passband.lab.arguments import parser, parsers
from passband.lab.studies import STUDIES, command

PARSERS = {one.prog: one for one in parsers(parser())}


def commands(text: str) -> list[list[str]]:
    """The command lines of a help text, as words after ``passband``."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("  passband ")]


EXAMPLES = {
    " ".join(words): words for one in PARSERS.values() for words in commands(one.format_help())
}


@pytest.mark.parametrize("name", PARSERS)
def test_help_fits_80_columns_and_has_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = PARSERS[name].format_help()
    assert max(map(len, text.splitlines())) <= 80
    assert commands(text)
    assert "--debug" in text


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_what_its_command_understands(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = EXAMPLES[line]
    if ">" in words:  # where a script goes
        words = words[: words.index(">")]
    monkeypatch.setattr(cli, "train", lambda run, **told: None)
    monkeypatch.setattr(cli, "finish", lambda *told: None)
    ran: list[Any] = []
    monkeypatch.setattr(command, "run", lambda study, *told, **more: ran.append(study))
    if words[0] in ("train", "study"):
        assert cli.main(words) == 0  # its config is made and checked
        assert len(ran) == (words[0] == "study" and words[1] != "list")
    else:
        assert parser().parse_args(words).command == words[0]


def test_without_words_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert capsys.readouterr().out == PARSERS["passband"].format_help()
    assert cli.main(["bench"]) == 0
    assert capsys.readouterr().out == PARSERS["passband bench"].format_help()


def test_exit_statuses_are_told() -> None:
    text = PARSERS["passband"].format_help()
    told = re.findall(r"^  (\d+) ", text, re.MULTILINE)
    known = [0, 1, cli.WRONG, cli.BUG, cli.INTERRUPTED, cli.CLOSED]
    assert told == [str(status) for status in known]


def test_help_of_studies_lists_each_with_its_options() -> None:
    listed = re.split(r"^  (?=\S)", PARSERS["passband study"].format_help(), flags=re.MULTILINE)
    for name, study in STUDIES.items():
        (entry,) = (one for one in listed if one.split()[0] == name)
        words = entry.split("\n\n")[0].split()
        assert " ".join(words).startswith(f"{name} {study.what} --")
        options = {one.replace("_", "-") for one in study.options}
        assert {one.removeprefix("--") for one in words if one.startswith("--")} == options
