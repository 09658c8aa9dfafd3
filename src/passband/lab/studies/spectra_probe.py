"""Spectra of weights and maps of a network, after each epoch of its training."""

from torch import nn

import passband as pb
from passband.lab.batches import EVALUATION_BATCH
from passband.lab.data import first
from passband.lab.measurement import short
from passband.lab.studies.epoch_probe import Prepare
from passband.lab.studies.learning import Learning

KINDS = ("weights", "activations")


class SpectraOfLayers(Learning):
    """Accuracy, and of each convolution the radial energy of its weights and of what it returns.

    The maps are those of the first test samples, always the same.
    """

    def look(self, model: nn.Module, prepare: Prepare) -> dict[str, float]:
        """``test_accuracy``, ``weights/LAYER/FREQUENCY`` and ``activations/LAYER/FREQUENCY``.

        Of each radius the energy, and its frequency as a fraction of Nyquist.
        """
        found = super().look(model, prepare)
        maps = prepare(first(self.loaded.test, EVALUATION_BATCH)[0])
        seen: set[str] = set()
        for layer in pb.analysis.layer_spectra(model, maps).layers:
            if layer.name in seen:  # of maps of another size
                continue
            seen.add(layer.name)
            for kind, of in zip(KINDS, (layer.weights, layer.outputs), strict=True):
                for frequency, energy in zip(of.frequencies, of.energy, strict=True):
                    found[f"{kind}/{layer.name}/{frequency:.4f}"] = short(float(energy))
        return found
