"""InceptionTime as a classifier."""

import numpy as np
from torch import nn

from passband.estimators.base import BandClassifier
from passband.lab.models.inceptiontime import inceptiontime


class BandInceptionTimeClassifier(BandClassifier):
    """InceptionTime, an ensemble of five Inception networks, with band-limited convolutions.

    Each network has six modules of convolutions of 40, 20 and 10 samples side by side, with a
    shortcut around every three, then the mean over time, and logits (Ismail Fawaz et al. 2020,
    section 3). The convolutions of one sample stay plain: they have no band. Parameters and
    attributes are those of `passband.estimators.base.BandClassifier`, but `n_estimators` is 5.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).standard_normal((24, 20))
        >>> X[1::2] += 3 * np.sin(np.arange(20))
        >>> y = np.resize(["noise", "wave"], 24)
        >>> classifier = BandInceptionTimeClassifier(epochs=1, random_state=0).fit(X, y)
        >>> len(classifier.networks_), classifier.predict_proba(X).shape
        (5, (24, 2))
    """

    # All again for one other default: scikit-learn reads parameters off the signature, which
    # `**others` would hide, and a default of None would no longer say how many networks there are.
    def __init__(
        self,
        *,
        keep: float | None = 0.5,
        n_estimators: int = 5,
        epochs: int = 60,
        batch_size: int = 16,
        learning_rate: float = 1e-3,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            keep=keep, n_estimators=n_estimators, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
            n_jobs=n_jobs, random_state=random_state, verbose=verbose,
        )  # fmt: skip

    @staticmethod
    def _network(classes: int, channels: int) -> nn.Module:
        return inceptiontime(classes, channels)
