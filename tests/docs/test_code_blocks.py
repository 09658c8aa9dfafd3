"""Every block of code on every page runs; what a shell is told is at least understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import ROOT, document, pages

from passband.functional.spectral import activation

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_blocks_of_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # An activation that a page registers is gone after it.
    monkeypatch.setattr(activation, "_ACTIVATIONS", dict(activation._ACTIVATIONS))
    for example in document(page).examples():
        example.evaluate()
