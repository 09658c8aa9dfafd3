"""How far a training is, step by step."""

from collections.abc import Callable

from passband.lab.callback import Callback
from passband.lab.loop import Loop


class TrainingProgress(Callback):
    """Passes on what share is done, and how the last epoch went.

    Args:
        say: Is told the share (0 to 1) and the words.
    """

    def __init__(self, say: Callable[[float, str], None]) -> None:
        self.say = say
        self.steps, self.words = 0, ""

    def on_start(self, loop: Loop) -> None:
        """Says what there is."""
        self._say(loop)

    def on_epoch_end(self, loop: Loop) -> None:
        """Says what the epoch brought."""
        self._say(loop)

    def on_step_end(self, loop: Loop) -> None:
        """One more."""
        self.steps += 1
        self.say(self.steps / (loop.run.epochs * len(loop.batches)), self.words)

    def _say(self, loop: Loop) -> None:
        words, history = [f"epoch {loop.epoch} of {loop.run.epochs}"], loop.history
        words += [f"loss {loss:.4g}" for loss in history.losses[-1:]]
        words += [f"validation accuracy {right:.4f}" for _, right in history.validation[-1:]]
        self.steps, self.words = loop.epoch * len(loop.batches), ", ".join(words)
        self.say(loop.epoch / loop.run.epochs, self.words)
