"""A trained network at other keeps than that it was trained at."""

from collections.abc import Iterator, Sequence

from torch import nn

import passband as pb
from passband.convert.layers import band_layers
from passband.lab.evaluation import accuracy
from passband.lab.studies.looking import Found, Trained


def accuracy_at_keeps(trained: Trained, keeps: Sequence[float], metric: str) -> Iterator[Found]:
    """Accuracy of the same weights at each keep; convolutions of a plain network are converted.

    Args:
        trained: Has the last of the keeps afterwards.
        keeps: For all of its layers.
        metric: Of the measurements; ``at`` is the keep.
    """
    model = converted(trained)
    few = trained.batches[0][0][:2]
    for keep in keeps:
        pb.set_band_(model, pb.Band(keep=keep, fft_size=trained.run.fft_size))
        kept = pb.report(trained.model, few).keep_measured
        yield Found(metric, accuracy(trained.model, trained.batches), keep, kept)


def converted(trained: Trained) -> nn.Module:
    """The network with convolutions whose band can be set."""
    model = trained.inner
    if not trained.run.banded:
        pb.convert_(model, pb.Band(keep=1.0, fft_size=trained.run.fft_size))
        for layer in band_layers(model).values():
            layer.plan = trained.run.plan
    return model
