"""What an audit says of pip-audit's answer."""

from __future__ import annotations

from audit import verdict


def test_an_audit_that_audited_nothing_says_so() -> None:
    hole = {"id": "X-1", "fix_versions": ["2"]}
    known = {"name": "a", "version": "1", "vulns": []}
    unknown = {"name": "b", "skip_reason": "not found"}
    assert verdict([unknown]) == ("NOT AUDITED: its service knows none of 1 packages here", False)
    text = "1 of 2 packages audited, 0 known vulnerabilities"
    assert verdict([known, unknown]) == (text, False)
    text, bad = verdict([known | {"vulns": [hole]}])
    assert bad
    assert text.endswith("a 1: X-1, mended in ['2']")
