"""All of scikit-learn's own checks of an estimator; none is expected to fail."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

from passband.estimators import BandFCNClassifier, BandInceptionTimeClassifier
from passband.estimators.base import BandClassifier

QUICK: dict[str, Any] = {"epochs": 3, "batch_size": 64, "learning_rate": 1e-2}
ESTIMATORS = [BandFCNClassifier(**QUICK), BandInceptionTimeClassifier(n_estimators=1, **QUICK)]
SKIPPED = {"check_array_api_input"}  # by scikit-learn, unless SCIPY_ARRAY_API is set


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_scikit_learns_checks(estimator: BandClassifier) -> None:
    done = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(done) >= 50
    failed = {one["check_name"]: one["exception"] for one in done if one["status"] == "failed"}
    assert failed == {}
    assert {one["check_name"] for one in done if one["status"] != "passed"} <= SKIPPED
