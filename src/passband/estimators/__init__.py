"""Classifiers of time series with the interface of scikit-learn; the extra `estimators`.

They need numpy and scikit-learn beside torch, and no knowledge of PyTorch.
"""

from passband.lab.data.packages import require as _require

_require("sklearn", extra="estimators")  # first, so that an error says what to install

from passband.estimators.fcn import BandFCNClassifier as BandFCNClassifier  # noqa: E402
from passband.estimators.inceptiontime import (  # noqa: E402
    BandInceptionTimeClassifier as BandInceptionTimeClassifier,
)
