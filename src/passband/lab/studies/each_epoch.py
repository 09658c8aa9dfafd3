"""What a network holds and knows after each epoch of its training."""

from torch import Tensor, nn

import passband as pb
from passband.lab import thresholds
from passband.lab.evaluation import accuracy, batches_of_test
from passband.lab.measurement import short
from passband.lab.studies.costs import first_batch
from passband.lab.studies.epoch_probe import EpochProbe, Prepare


class EachEpoch(EpochProbe):
    """Bytes of one batch, accuracy and, of spectral networks, density.

    The batch is always the first of the training set; accuracy and density are those of the test
    set and of its first batch.
    """

    def look(self, model: nn.Module, prepare: Prepare) -> dict[str, float]:
        """``saved_bytes``, ``test_accuracy``, of spectral networks ``density``."""
        inputs, labels = first_batch(self.run, self.loaded)
        inputs = prepare(inputs)
        held = held_bytes(model, inputs, labels.to(inputs.device))
        tests = batches_of_test(self.loaded, inputs.device)
        found = {"saved_bytes": float(held), "test_accuracy": accuracy(model.eval(), tests)}
        if self.run.spectral:
            found["density"] = short(thresholds.density(model, tests[0][0]))
        return found


def held_bytes(model: nn.Module, inputs: Tensor, labels: Tensor) -> int:
    """Bytes that autograd holds after forward and loss."""
    return pb.memory.saved(lambda: nn.functional.cross_entropy(model(inputs), labels)).total
