"""What happens beside training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from passband.lab.loop import Loop


class Callback:
    """Told of the moments of a training; each method does nothing unless it is overridden."""

    def on_start(self, loop: Loop) -> None:
        """Training begins or goes on; `state_dict` is loaded."""

    def on_epoch_start(self, loop: Loop) -> None:
        """Epoch ``loop.epoch``, from 0, begins."""

    def on_step_start(self, loop: Loop) -> None:
        """A batch comes."""

    def on_step_end(self, loop: Loop) -> None:
        """The weights took a batch, or its part of a step over several."""

    def on_evaluation_start(self, loop: Loop) -> None:
        """``loop.epoch`` epochs are trained, and the validation part or the test set comes."""

    def on_epoch_end(self, loop: Loop) -> None:
        """``loop.epoch`` epochs are trained and, if there is a validation part, validated."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training must know, for the checkpoint: tensors, numbers, texts."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes what `state_dict` gave."""
