"""InceptionTime as a classifier."""

from passband.estimators.base import BandClassifier
from passband.lab.models.inceptiontime import inceptiontime


class BandInceptionTimeClassifier(BandClassifier):
    """InceptionTime (Ismail Fawaz et al. 2020) with band-limited convolutions."""

    _network = staticmethod(inceptiontime)
