"""Every block of code on every page runs, and prints what the page says it prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import ROOT, document, pages
from sybil.example import SybilFailure

from passband.functional.spectral import activation

PAGES = pages()


def failures(page: Path) -> list[str]:
    """What is wrong on a page, block by block."""
    found = []
    for example in document(page).examples():
        try:
            example.evaluate()
        except SybilFailure as wrong:
            found.append(f"{page.name}:{example.line}: {wrong}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_blocks_of_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # An activation that a page registers is gone after it.
    monkeypatch.setattr(activation, "_ACTIVATIONS", dict(activation._ACTIVATIONS))
    assert failures(page) == []


def test_another_output_than_the_page_has_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```\n2\n```\n")
    assert failures(page) == []
    page.write_text("```python\nprint(1 + 1)\n```\n\n```\n3\n```\n")
    (wrong,) = failures(page)
    assert "it prints\n2" in wrong


def test_code_that_fails_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\nand\n```python\nx / 0\n```\n")
    with pytest.raises(ZeroDivisionError):
        failures(page)
