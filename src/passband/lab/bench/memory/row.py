"""The tidy table of ways to train in less memory: one row for each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What one technique held, cost and learned.

    Attributes:
        model: Name of the network.
        batch: Samples of a step.
        technique: ``plain``, or which way.
        keep: Asked for; None for those without a band.
        keep_measured: What the layers really keep.
        seconds: Of a training step, the median over the timed repeats.
        lower: Their lower quartile.
        upper: Their upper quartile.
        ratio: The median over that of ``plain``, which took turns with it: below 1 it is faster.
        saved_bytes: What is held for backward (see ``bench.memory.footprint``).
        peak_bytes: Most memory of a step at a time, with weights, momentum and batch.
        promised_bytes: Weights, their gradients, momentum, and what is held for backward.
        data: On which it was trained; empty if it was not.
        epochs: Of that training.
        seeds: Of that training.
        accuracy: Share of the test set that is right after it, the mean over seeds; None if it was
            not trained.
        spread: Standard deviation over seeds; None for a single one.
        repeats: How many were timed.
        device: ``cpu`` or ``cuda``.
        machine: Model of the processor or GPU.
        torch: Version.
        threads: That PyTorch computed with.
        date: Day of the measurement.
    """

    model: str
    batch: int
    technique: str
    keep: float | None
    keep_measured: float | None
    seconds: float
    lower: float
    upper: float
    ratio: float
    saved_bytes: int
    peak_bytes: int
    promised_bytes: int
    data: str
    epochs: int
    seeds: int
    accuracy: float | None
    spread: float | None
    repeats: int
    device: str
    machine: str
    torch: str
    threads: int
    date: str
