"""The band of a run: what its convolutions keep, and how that moves while it trains."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

import passband as pb
from passband.convert.layers import band_layers
from passband.lab.batches import EVALUATION_BATCH
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.data import first
from passband.lab.loop import Loop

_POLICIES: dict[str, Callable[[], pb.MemoryPolicy]] = {
    "exact": pb.MemoryPolicy.exact,
    "bf16": pb.MemoryPolicy.bf16,
    "unchanged": pb.MemoryPolicy.unchanged_forward,
}


def convert(model: nn.Module, run: TrainConfig, example: Tensor) -> float | None:
    """Makes a model what its run asks for, in place, and says what its layers then really keep.

    Args:
        model: As it was built.
        run: Its band and memory policy.
        example: Maps ``(N, C, *space)``.

    Returns:
        The measured keep; None for a model without a band.

    Raises:
        ValueError: ``layer_keeps`` are not as many as convolutions.
    """
    policy = None if run.memory is None else _POLICIES[run.memory]()
    if not run.banded:
        if policy is not None:
            pb.convert_(model, None, memory=policy, example=example)
        return None
    band = first_band(run)
    report = pb.convert_(model, band, memory=policy, example=example)
    if run.layer_keeps is not None:
        names = [row.name for row in report.converted]
        if len(names) != len(run.layer_keeps):
            raise ValueError(
                f"{run.model} has {len(names)} convolutions to convert, {', '.join(names)}; got "
                f"{len(run.layer_keeps)} layer_keeps {run.layer_keeps}"
            )
        keeps = zip(names, run.layer_keeps, strict=True)
        bands = {name: pb.Band(keep=k, fft_size=run.fft_size) for name, k in keeps}
        pb.set_band_(model, bands)
        report = pb.report(model, example)
    for layer in band_layers(model).values():
        layer.plan = run.plan  # for where it trains; the example is on the CPU
    return report.keep_measured


def measured(loop: Loop) -> float:
    """What layers keep of the first test samples, with the bands that they have now."""
    maps = loop.prepare(first(loop.loaded.test, EVALUATION_BATCH)[0])
    with loop.autocast():
        return pb.report(loop.model, maps).keep_measured


def first_band(run: TrainConfig) -> pb.Band:
    """That of every convolution as training begins."""
    if run.energy is not None:
        return pb.Band(energy=run.energy, dynamic=True, fft_size=run.fft_size)
    keep = run.keep if run.keep_start is None else run.keep_start
    return pb.Band(keep=1.0 if keep is None else keep, fft_size=run.fft_size)


def keep_of_epoch(run: TrainConfig, epoch: int) -> float:
    """The keep of an epoch, from 0: from ``keep_start`` in equal steps to ``keep`` at the half.

    Example:
        >>> moves = {"keep_start": 0.5, "keep": 1.0, "epochs": 4}
        >>> run = TrainConfig.recommended("digits", "lenet5", "x", **moves)
        >>> [keep_of_epoch(run, epoch) for epoch in range(4)]
        [0.5, 0.75, 1.0, 1.0]
    """
    assert run.keep is not None
    assert run.keep_start is not None
    share = min(1.0, 2 * epoch / run.epochs)
    return run.keep_start + share * (run.keep - run.keep_start)


class MovingBand(Callback):
    """Sets the band of each epoch; it follows from the epoch, so a resumed run needs no more.

    Args:
        run: With a ``keep_start``.
    """

    def __init__(self, run: TrainConfig) -> None:
        self.run = run

    def on_epoch_start(self, loop: Loop) -> None:
        """Sets it."""
        self._set(loop.model, loop.epoch)

    def on_evaluation_start(self, loop: Loop) -> None:
        """Sets that of the last epoch: a run that was killed after its end has no other."""
        self._set(loop.model, loop.epoch - 1)

    def _set(self, model: nn.Module, epoch: int) -> None:
        keep = keep_of_epoch(self.run, epoch)
        pb.set_band_(model, pb.Band(keep=keep, fft_size=self.run.fft_size))


class RandomBand(Callback):
    """Draws the band of each step; a function of seed and epoch, so a resumed run needs no more.

    Args:
        run: With a ``keep_least``.
    """

    def __init__(self, run: TrainConfig) -> None:
        self.run = run
        self.numbers = torch.Generator()

    def on_epoch_start(self, loop: Loop) -> None:
        """Begins to draw."""
        self.numbers.manual_seed(self.run.seed * 1_000_003 + loop.epoch)  # alike in all processes

    def on_step_start(self, loop: Loop) -> None:
        """Sets a band from the least to the keep, all keeps alike."""
        assert self.run.keep is not None
        assert self.run.keep_least is not None
        share = torch.rand((), generator=self.numbers).item()
        self._set(loop, self.run.keep_least + share * (self.run.keep - self.run.keep_least))

    def on_evaluation_start(self, loop: Loop) -> None:
        """Sets the keep."""
        self._set(loop, self.run.keep)

    def _set(self, loop: Loop, keep: float | None) -> None:
        pb.set_band_(loop.model, pb.Band(keep=keep, fft_size=self.run.fft_size))


def of_run(run: TrainConfig) -> list[Callback]:
    """What moves the band of a run."""
    if run.keep_least is not None:
        return [RandomBand(run)]
    return [] if run.keep_start is None else [MovingBand(run)]
