"""What a network knows, and what its bands keep, after each epoch of its training."""

from math import fsum

from torch import nn

import passband as pb
from passband.lab.batches import EVALUATION_BATCH
from passband.lab.data import first
from passband.lab.evaluation import accuracy, batches_of_test
from passband.lab.measurement import short
from passband.lab.studies.epoch_probe import EpochProbe, Prepare


class Learning(EpochProbe):
    """Accuracy on the test set, which takes no part in any choice."""

    def look(self, model: nn.Module, prepare: Prepare) -> dict[str, float]:
        """``test_accuracy``."""
        tests = batches_of_test(self.loaded)
        ready = [(prepare(maps), prepare(labels)) for maps, labels in tests]
        return {"test_accuracy": accuracy(model.eval(), ready)}


class Keeping(Learning):
    """Accuracy, and what bands keep of the first test samples, always the same."""

    def look(self, model: nn.Module, prepare: Prepare) -> dict[str, float]:
        """``test_accuracy`` and, of a network with bands, ``keep_measured``."""
        found = super().look(model, prepare)
        return found | (self.kept(self.report(model, prepare)) if self.run.banded else {})

    def report(self, model: nn.Module, prepare: Prepare) -> pb.ConvertReport:
        """What the bands of a model are on that batch."""
        return pb.report(model, prepare(first(self.loaded.test, EVALUATION_BATCH)[0]))

    def kept(self, report: pb.ConvertReport) -> dict[str, float]:
        """Shares of coefficients, by metric."""
        return {"keep_measured": report.keep_measured}


class KeepingOfLayers(Keeping):
    """Accuracy, and what bands keep, all together and each layer's."""

    def kept(self, report: pb.ConvertReport) -> dict[str, float]:
        """``keep_measured``, and ``keep_measured/LAYER`` of each convolution with a band."""
        layers = {}
        for row in report.converted:
            maps = [plan.geometry for plan in row.plans]  # each time that the batch comes through
            if maps:
                share = fsum(g.bins for g in maps) / fsum(g.bins / g.keep for g in maps)
                layers[f"keep_measured/{row.name}"] = short(share)
        return super().kept(report) | layers
