"""What installing this brings with it."""

from __future__ import annotations

from importlib import metadata

import pytest
from packaging.requirements import Requirement

EXTRAS = sorted(metadata.metadata("passband").get_all("Provides-Extra") or [])


def brought(name: str, extras: frozenset[str], seen: dict[str, frozenset[str]]) -> None:
    """Note what a package requires on this machine, and what that requires, if installed."""
    if extras <= seen.get(name, frozenset()) and name in seen:
        return
    seen[name] = seen.get(name, frozenset()) | extras
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in {"", *extras}):
            brought(requirement.name.lower(), frozenset(requirement.extras), seen)


@pytest.mark.parametrize("extra", EXTRAS)
def test_no_extra_brings_torchvision(extra: str) -> None:
    """It does not import beside every torch build."""
    seen: dict[str, frozenset[str]] = {}
    brought("passband", frozenset({extra}), seen)
    assert "torch" in seen
    assert not {"torchvision", "torchaudio"} & set(seen)


def test_the_library_needs_torch_alone() -> None:
    lines = map(Requirement, metadata.requires("passband") or [])
    assert [line.name for line in lines if line.marker is None] == ["torch"]
