"""All of scikit-learn's own checks of an estimator; none is expected to fail."""

from __future__ import annotations

from collections.abc import Callable

from sklearn.utils.estimator_checks import parametrize_with_checks

from passband.estimators import BandFCNClassifier, BandInceptionTimeClassifier
from passband.estimators.base import BandClassifier

ESTIMATORS = [
    BandFCNClassifier(epochs=3, batch_size=64, learning_rate=1e-2),
    BandInceptionTimeClassifier(n_estimators=1, epochs=3, batch_size=64, learning_rate=1e-2),
]


@parametrize_with_checks(ESTIMATORS)  # type: ignore[untyped-decorator]
def test_scikit_learns_checks(
    estimator: BandClassifier, check: Callable[[BandClassifier], None]
) -> None:
    check(estimator)
