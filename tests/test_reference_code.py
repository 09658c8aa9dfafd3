"""What docs/papers/reference-code.md names is there."""

import importlib
import re
from pathlib import Path

import pytest

import passband as pb
from passband.lab import experiments, models, papers
from passband.lab.arguments import parser

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "papers" / "reference-code.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", PAGE)


def guards() -> list[str]:
    return sorted({code for code in CODE if code.startswith("tests/")})


@pytest.mark.parametrize("guard", guards())
def test_a_test_that_guards_a_decision(guard: str) -> None:
    path, _, name = guard.partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_trap_has_a_guard() -> None:
    rows = re.findall(r"^\| (D\d+) \|.*\| (.*) \|$", PAGE, re.MULTILINE)
    assert [name for name, _ in rows] == [f"D{i}" for i in range(1, 19)]
    assert all("`tests/" in guarded for _, guarded in rows)


def test_public_names() -> None:
    found = re.findall(r"`(?:pb|passband)\.([\w.]+)", PAGE)
    assert {"nn.BandConv2d", "calibrate_", "functional.keep_largest", "lab.data.load"} <= set(found)
    for name in found:
        owner, _, attribute = f"passband.{name}".rpartition(".")
        place = pb if owner == "passband" else importlib.import_module(owner)
        try:
            importlib.import_module(f"passband.{name}")
        except ModuleNotFoundError:
            assert hasattr(place, attribute), name


def test_experiments_and_tables() -> None:
    figures = PAGE.split("## Figures")[1].split("\n## ")[0]
    named = set(re.findall(r"`((?:icml|specnet)-[\w-]+)`", figures))
    there = {*experiments.available(), *papers.available()}
    assert named - {"specnet-maps"} <= there
    assert len(named) > 15


def test_models() -> None:
    assert {"resnet18_icml", "fcn", "lenet5"} <= set(models.available()) & set(CODE)


def test_flags_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    table = PAGE.split("## Its command line")[1].split("\n## ")[0]
    ours = [row.split(" | ")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {flag for cell in ours for flag in re.findall(r"`(--[a-z-]+)", cell)}
    helps = ""
    for command in ("train", "study"):
        with pytest.raises(SystemExit):
            parser().parse_args([command, "--help"])
        helps += capsys.readouterr().out
    assert len(named) > 20
    assert named <= set(re.findall(r"--[a-z-]+", helps))
