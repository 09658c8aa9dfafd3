"""The tidy table of a benchmark: one row per case and contender."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from passband.lab import tidy

OURS = "passband"
PLAIN = "nn.Conv"


@dataclass(frozen=True)
class Row:
    """What one contender did in one case.

    Attributes:
        command: ``conv``, ``step`` or ``inference``.
        group: Group of layers, or name of a network.
        case: Name of the case.
        contender: Who: ``nn.Conv``, ``passband`` and the plan asked for, or a peer; then the
            memory format.
        keep: Asked for; None for those who know no band.
        keep_measured: What the layers really keep.
        dtype: ``float32``, or ``bfloat16`` for autocast.
        seconds: Median over the timed repeats.
        lower: Their lower quartile.
        upper: Their upper quartile.
        ratio: Median of ``nn.Conv`` in its faster memory format over this median: above 1 this
            contender is faster.
        floor_seconds: What the device needs at least (see ``bench.floor``).
        peak_bytes: Most memory held at a time beyond what was there before (see ``memory.peak``).
        saved_bytes: What autograd holds for backward.
        way: How ours is computed; of a network, how many layers are computed which way.
        loss: Of ``plan="auto"``: time of the way that it chose over time of the fastest way in the
            same memory format; 1 is the best choice.
        repeats: How many were timed.
        device: ``cpu`` or ``cuda``.
        machine: Model of the processor or GPU.
        torch: Version.
        threads: That PyTorch computed with.
        date: Day of the measurement.
    """

    command: str
    group: str
    case: str
    contender: str
    keep: float | None
    keep_measured: float | None
    dtype: str
    seconds: float
    lower: float
    upper: float
    ratio: float
    floor_seconds: float | None
    peak_bytes: int | None
    saved_bytes: int | None
    way: str
    loss: float | None
    repeats: int
    device: str
    machine: str
    torch: str
    threads: int
    date: str

    @property
    def ours(self) -> bool:
        """Whether the contender is passband."""
        return self.contender.startswith(f"{OURS} ")


def read(path: Path) -> list[Row]:
    """Reads a table.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is damaged; the message names the file and the line.
    """
    return tidy.read(path, Row)


def write(path: Path, rows: Iterable[Row]) -> None:
    """Writes a whole table in one step."""
    tidy.write(path, Row, rows)
