"""How what a training step takes grows with the batch: a straight line for each allocation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from passband.memory.example import samples
from passband.memory.peak import highest
from passband.memory.trial import Training, Trial

LEAST = 2, 4  # samples to a trial; one alone is normalised and planned like no other batch
MOST = 64
BYTES = 2**28  # that larger trials may take beside the model and its gradients


@dataclass(frozen=True)
class Growth:
    """Two steps of the same model, and all others on the lines through them.

    The peak of a step is no straight line in the batch size: while gradients are large and maps
    small it lies at the end of the backward pass, later at its beginning. Each allocation is one,
    so steps of any size are put together from those, as long as both trials made the same ones.

    Args:
        first: a trial.
        last: another one, of more samples.
    """

    first: Trial
    last: Trial

    @property
    def alike(self) -> bool:
        """Whether both steps made the same allocations, whatever their sizes."""
        a, b = ([change < 0 for change in trial.changes] for trial in (self.first, self.last))
        return a == b

    def saved(self, batch_size: int) -> int:
        """Bytes that autograd holds after a forward pass of so many samples."""
        return round(self._line(batch_size, self.first.saved, self.last.saved))

    def peak(self, batch_size: int) -> int:
        """Most bytes at a time, everything included, in a step of so many samples."""
        given = self._line(batch_size, self.first.given, self.last.given)
        a, b = self.first.changes, self.last.changes
        if not self.alike:
            a, b = (int(highest(a)),), (int(highest(b)),)
        steps = (self._line(batch_size, *pair) for pair in zip(a, b, strict=True))
        return round(self.last.lasting + given + highest(steps))

    def largest(self, limit: int) -> int:
        """The largest batch size whose peak is at most so many bytes; 0 if there is none."""
        return bisect_right(range(1, limit + 1), limit, key=self.peak)

    def _line(self, batch_size: int, a: int, b: int) -> float:
        step = self.last.batch_size - self.first.batch_size
        return a + (b - a) * (batch_size - self.first.batch_size) / step if step else b


def growth(training: Training, inputs: Sequence[Tensor], batch_size: int | None = None) -> Growth:
    """Growth by the largest trials that are cheap: of up to 64 samples and 256 MiB.

    Args:
        training: of the model.
        inputs: example tensors, of any batch size.
        batch_size: that will be asked for, if it is known; if it is cheap, it is tried itself.
    """

    def trial(size: int) -> Trial:
        return training.trial(samples(inputs, size))

    def only(size: int) -> Growth:
        found = trial(size)
        return Growth(found, found)

    if batch_size is not None and batch_size <= LEAST[1]:
        return only(batch_size)
    grown = Growth(trial(LEAST[0]), trial(LEAST[1]))
    cheap = min(MOST, grown.largest(grown.last.lasting + grown.last.gradients + BYTES))
    if batch_size is not None and batch_size <= cheap:
        return only(batch_size)
    return Growth(trial(cheap // 2), trial(cheap)) if cheap // 2 > LEAST[0] else grown
