"""What the pages of docs/papers name is there: tests, functions, experiments, tables, commands."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

import passband as pb
from passband.lab import experiments, models, papers
from passband.lab.arguments import parser
from passband.lab.studies import STUDIES

ROOT = Path(__file__).parents[1]
PAGES = {
    name: (ROOT / "docs" / "papers" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("map", "reference-code")
}
MAP, REFERENCE = PAGES["map"], PAGES["reference-code"]


def codes(page: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", page)


GUARDS = sorted({code for page in PAGES.values() for code in codes(page) if "::" in code})


@pytest.mark.parametrize("guard", GUARDS)
def test_a_test_that_guards_a_decision(guard: str) -> None:
    path, _, name = guard.partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_trap_has_a_guard() -> None:
    rows = re.findall(r"^\| (D\d+) \|.*\| (.*) \|$", REFERENCE, re.MULTILINE)
    assert [name for name, _ in rows] == [f"D{i}" for i in range(1, 19)]
    assert all("`tests/" in guarded for _, guarded in rows)


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("map", {"nn.SpecBlock2d", "functional.spec_conv2d", "Band.resolve", "report"}),
        (
            "reference-code",
            {"nn.BandConv2d", "calibrate_", "functional.keep_largest", "lab.data.load"},
        ),
    ],
)
def test_public_names(name: str, some: set[str]) -> None:
    found = re.findall(r"`(?:pb|passband)\.([\w.]+)", PAGES[name])
    assert some <= set(found)
    for public in found:
        owner, _, attribute = f"passband.{public}".rpartition(".")
        try:
            importlib.import_module(f"passband.{public}")
        except ModuleNotFoundError:
            place = pb.Band if owner == "passband.Band" else importlib.import_module(owner)
            assert hasattr(place, attribute), public


def test_the_map_names_every_experiment_and_table_and_no_other() -> None:
    named = {code for code in codes(MAP) if re.fullmatch(r"(icml|specnet)-[\w.-]+", code)}
    assert named == {*experiments.available(), *papers.available()}


def test_the_reference_codes_figures_are_experiments_and_tables() -> None:
    figures = REFERENCE.split("## Figures")[1].split("\n## ")[0]
    named = set(re.findall(r"`((?:icml|specnet)-[\w-]+)`", figures))
    there = {*experiments.available(), *papers.available()}
    assert named - {"specnet-maps"} <= there
    assert len(named) > 15


def test_models() -> None:
    known = set(models.available())
    assert {"resnet18_icml", "fcn", "lenet5"} <= known & set(codes(REFERENCE))
    in_map = {code for code in codes(MAP) if re.fullmatch(r"(spec_)?(densenet|vgg|lenet)\w*", code)}
    assert {"spec_densenet", "densenet_table1", "spec_vgg16"} <= in_map <= known


def test_commands_within_the_text_of_the_map() -> None:
    said = [shlex.split(code) for code in codes(MAP) if code.startswith("passband ")]
    assert len(said) > 8
    for _, *words in said:
        parser().parse_args(words)
        assert words[0] != "study" or words[1] in {*STUDIES, *experiments.available()}


def test_flags_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    table = REFERENCE.split("## Its command line")[1].split("\n## ")[0]
    ours = [row.split(" | ")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {flag for cell in ours for flag in re.findall(r"`(--[a-z-]+)", cell)}
    helps = ""
    for command in ("train", "study"):
        with pytest.raises(SystemExit):
            parser().parse_args([command, "--help"])
        helps += capsys.readouterr().out
    assert len(named) > 20
    assert named <= set(re.findall(r"--[a-z-]+", helps))
