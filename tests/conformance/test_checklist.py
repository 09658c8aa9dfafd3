"""The tests that the checklist names are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from checklist import POINTS, STUMBLED, SUITE
from conformance_suite import CAPABILITIES

TESTS = Path(__file__).parents[1]
NAMED = sorted({test for tests in [*POINTS.values(), *STUMBLED.values()] for test in tests})


@pytest.mark.parametrize("test", NAMED)
def test_a_test_that_a_point_names(test: str) -> None:
    path, _, name = test.partition("::")
    if path == SUITE:
        assert set(name.split()) <= set(CAPABILITIES)
    else:
        assert f"\ndef {name}(" in (TESTS / path).read_text(encoding="utf-8")


def test_every_point_has_a_test() -> None:
    assert len(POINTS) == 20
    assert all(POINTS.values())
    assert all(STUMBLED.values())
