"""InceptionTime as a classifier."""

from torch import nn

from passband.estimators.base import BandClassifier
from passband.lab.models.inceptiontime import inceptiontime


class BandInceptionTimeClassifier(BandClassifier):
    """InceptionTime (Ismail Fawaz et al. 2020) with band-limited convolutions."""

    @staticmethod
    def _network(classes: int, channels: int) -> nn.Module:
        return inceptiontime(classes, channels)
