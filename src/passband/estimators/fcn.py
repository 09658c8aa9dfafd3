"""The fully convolutional network as a classifier."""

from torch import nn

from passband.estimators.base import BandClassifier
from passband.lab.models.fcn import fcn


class BandFCNClassifier(BandClassifier):
    """The fully convolutional network (Wang, Yan and Oates 2017) with band-limited convolutions."""

    @staticmethod
    def _network(classes: int, channels: int) -> nn.Module:
        return fcn(classes, channels)
