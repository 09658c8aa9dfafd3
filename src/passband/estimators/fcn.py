"""The fully convolutional network as a classifier."""

from torch import nn

from passband.estimators.base import BandClassifier
from passband.lab.models.fcn import fcn


class BandFCNClassifier(BandClassifier):
    """The fully convolutional network for time series, with band-limited convolutions.

    Three convolutions of 8, 5 and 3 samples, with 128, 256 and 128 channels, each followed by batch
    norm and ReLU; then the mean over time, and logits (Wang, Yan and Oates 2017, section II.B).
    Parameters and attributes are those of `passband.estimators.base.BandClassifier`.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).standard_normal((60, 20))
        >>> X[1::2] += 3 * np.sin(np.arange(20))
        >>> y = np.resize(["noise", "wave"], 60)
        >>> classifier = BandFCNClassifier(keep=0.25, epochs=8, random_state=0)
        >>> classifier.fit(X[:40], y[:40]).score(X[40:], y[40:])
        1.0
        >>> round(classifier.keep_measured_, 2)
        0.26
    """

    @staticmethod
    def _network(classes: int, channels: int) -> nn.Module:
        return fcn(classes, channels)
