"""How far a training is, step by step, and how fast."""

import time

from passband.lab import data
from passband.lab.callback import Callback
from passband.lab.loop import Loop
from passband.lab.progress import Watch


class TrainingProgress(Callback):
    """Passes on what share is done, how the last epoch went, and samples a second.

    Args:
        watch: Is told.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.steps, self.words = 0, ""
        self.began, self.rate = 0.0, ""

    def on_start(self, loop: Loop) -> None:
        """Says what there is."""
        self._say(loop)

    def on_epoch_start(self, loop: Loop) -> None:
        """Looks at the clock."""
        self.began = time.monotonic()

    def on_epoch_end(self, loop: Loop) -> None:
        """Says what the epoch brought."""
        self._say(loop)

    def on_step_end(self, loop: Loop) -> None:
        """One more: of all processes, which take as many at a time."""
        self.steps += 1
        share = (self.steps - loop.epoch * len(loop.batches)) / len(loop.batches)
        seconds = max(time.monotonic() - self.began, 1e-6)
        self.rate = f"{share * data.size(loop.loaded.train) / seconds:.0f} samples/s"
        self.watch(self.steps / (loop.run.epochs * len(loop.batches)), self.words, self.rate)

    def _say(self, loop: Loop) -> None:
        words, history = [f"epoch {loop.epoch} of {loop.run.epochs}"], loop.history
        words += [f"loss {loss:.4g}" for loss in history.losses[-1:]]
        words += [f"validation accuracy {right:.4f}" for _, right in history.validation[-1:]]
        self.steps, self.words = loop.epoch * len(loop.batches), ", ".join(words)
        self.watch(loop.epoch / loop.run.epochs, self.words, self.rate)
