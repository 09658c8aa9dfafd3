"""What a release says of itself is the same in all places, and what it promised is kept."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from packaging.version import Version

import passband as pb

ROOT = Path(__file__).parents[1]
HERE = Version(Version(pb.__version__).base_version)  # that is being made, or was


def overdue(text: str) -> list[str]:
    """Versions in which something was to be removed, and that have come."""
    return [one for one in re.findall(r"removed in (\d+(?:\.\d+)+)", text) if Version(one) <= HERE]


def test_the_check_itself() -> None:
    text = f"will be removed in {HERE}: use b; removed in {HERE.major + 1}.0"
    assert overdue(text) == [str(HERE)]


def test_what_was_to_be_removed_is_gone() -> None:
    """docs/project/versioning.md: a deprecation names the version that removes it."""
    found = {path.name: overdue(path.read_text()) for path in ROOT.glob("src/**/*.py")}
    assert {name: versions for name, versions in found.items() if versions} == {}


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == str(HERE)
    assert citation["license"] == "Apache-2.0"


def test_the_changelog_has_a_place_for_what_comes() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    for one in headings[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", one), one


def test_hooks_of_pre_commit_are_targets_of_make() -> None:
    """So of linters there is one version: hooks run what CI runs."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [one["repo"] for one in config["repos"]] == ["local"]
    there = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for hook in config["repos"][0]["hooks"]:
        program, target = hook["entry"].split()
        assert program == "make"
        assert target in there
