"""Memory of training, before it: what a step of any batch size takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from passband.memory.example import Example, batch_size_of, inputs_of
from passband.memory.growth import growth
from passband.memory.saved import readable
from passband.memory.trial import Loss, MakeOptimizer, Training, mean_square


@dataclass(frozen=True)
class Estimate:
    """What training takes, in bytes; `print` it for a line.

    Attributes:
        batch_size: of the training steps.
        parameters: of the model.
        buffers: of the model.
        gradients: of the parameters that are trained.
        optimizer: what it remembers from step to step.
        saved: what autograd holds after the forward pass, as `memory.saved` counts it.
        peak: the most at a time in a step, everything included: all of the above that is there at
            that time, the batch, and what is computed on the way.
    """

    batch_size: int
    parameters: int
    buffers: int
    gradients: int
    optimizer: int
    saved: int
    peak: int

    def __str__(self) -> str:
        parts = ("parameters", "buffers", "gradients", "optimizer", "saved")
        each = ", ".join(f"{part} {readable(getattr(self, part))}" for part in parts)
        besides = self.peak - sum(getattr(self, part) for part in parts)
        more = f", within layers {readable(besides)}" if besides > 0 else ""
        return f"{readable(self.peak)} at batch size {self.batch_size} ({each}{more})"


def estimate(
    model: nn.Module,
    example: Example,
    *,
    batch_size: int | None = None,
    optimizer: MakeOptimizer = torch.optim.AdamW,
    loss: Loss = mean_square,
) -> Estimate:
    """What training a model will take, without doing it at full size.

    A copy of the model is trained for a few steps of at least 4 samples, and of up to 64 while they
    take no more than 256 MiB, where the example is (a CPU will do). Every allocation of a step is a
    constant and a part for each sample, and so is known for any batch size. The model stays as it
    is, and so do PyTorch's random numbers. It runs in its mode, with its memory policy, under the
    caller's autocast.

    A step is forward, backward, the optimizer, and gradients set to None. What libraries take for
    themselves is not seen: on a GPU the context and workspaces of cuDNN, nor how its memory is cut
    into pieces.

    Args:
        model: on the device of the example, in the mode (`train()`) that is asked about.
        example: what the model is given: a tensor or a tuple of them, with the batch first. Of
            any batch size: samples are taken from it, and repeated.
        batch_size: that of training; by default the example's.
        optimizer: makes the optimizer of a list of parameters.
        loss: of what the model returns; by default the mean square of its tensors, which holds as
            much as cross-entropy does.

    Raises:
        TypeError: the model is no module, or the example has something other than tensors.
        ValueError: an empty example, several batch sizes in it, a batch size below 1, a model
            of which nothing is trained, or a loss that is not one number.

    Examples:
        >>> model, x = torch.nn.Conv1d(4, 8, 3, bias=False), torch.zeros(1, 4, 1026)
        >>> found = estimate(model, x, batch_size=256)
        >>> found.parameters, found.saved == 4 * 256 * 4 * 1026 + 4 * 256 * 8 * 1024
        (384, True)
    """
    inputs = inputs_of("estimate", example)
    size = batch_size_of("estimate", inputs, batch_size)
    grown = growth(Training("estimate", model, optimizer, loss), inputs, size)
    return Estimate(
        batch_size=size,
        parameters=grown.last.parameters,
        buffers=grown.last.buffers,
        gradients=grown.last.gradients,
        optimizer=grown.last.optimizer,
        saved=grown.saved(size),
        peak=grown.peak(size),
    )
