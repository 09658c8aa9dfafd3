"""The fully convolutional network as a classifier."""

from passband.estimators.base import BandClassifier
from passband.lab.models.fcn import fcn


class BandFCNClassifier(BandClassifier):
    """The fully convolutional network (Wang, Yan and Oates 2017) with band-limited convolutions."""

    _network = staticmethod(fcn)
