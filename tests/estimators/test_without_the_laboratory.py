"""The extra `estimators` brings numpy and scikit-learn: they are all that is needed."""

from __future__ import annotations

import subprocess
import sys

OF_THE_LABORATORY = (
    "aeon", "lightning", "lightning_fabric", "lightning_utilities", "matplotlib", "mlxtend", "PIL",
    "rich", "safetensors", "shtab", "yaml",
)  # fmt: skip
BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""
USE = """
import numpy as np
from passband.estimators import BandFCNClassifier, BandInceptionTimeClassifier

X, y = np.random.default_rng(0).standard_normal((8, 12)), np.arange(8) % 2
for kind in (BandFCNClassifier, BandInceptionTimeClassifier):
    print(kind(n_estimators=1, epochs=1).fit(X, y).predict_proba(X).shape)
"""


def run(names: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    """A program in a process where these packages are missing."""
    command = [sys.executable, "-W", "error", "-c", BLOCK.format(names=names) + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_laboratorys_packages_are_not_needed() -> None:
    done = run(OF_THE_LABORATORY, USE)
    assert (done.stdout, done.stderr) == ("(8, 2)\n(8, 2)\n", "")


def test_what_is_missing_is_told() -> None:
    done = run(("sklearn",), "import passband.estimators")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("ImportError: this needs sklearn, which cannot be imported")
    assert said.endswith('pip install "passband[estimators]"')
