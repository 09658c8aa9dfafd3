"""What came of an export, for a reader or a program."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from passband.lab.bench.timing import Seconds
from passband.lab.export.program import TOLERANCE
from passband.lab.inspect.formats import written
from passband.lab.terminal import print_table, say, widen
from passband.memory.saved import readable


@dataclass(frozen=True)
class Latency:
    """Of one forward pass.

    Attributes:
        by: ``onnxruntime`` or ``torch.export`` for the program; ``eager`` for the model, ``frozen``
            after ``passband.freeze_``, ``nn.Conv`` after ``passband.revert_``.
        batch: Samples.
        seconds: Median and quartiles of turns that were taken one after another.
    """

    by: str
    batch: int
    seconds: Seconds


@dataclass(frozen=True)
class Result:
    """An export.

    Attributes:
        model: As the user named it.
        format: ``onnx`` or ``pt2``.
        file: Where the program is.
        bytes: Of the file.
        input_shape: Channels and sizes of a map.
        batch: Samples that the program takes; None for any number.
        threads: Of the CPU, while it was timed.
        keep_measured: What the layers keep; None without bands.
        largest_difference: From the model, as a share of the largest output.
        latency: Of all, at each batch.
    """

    model: str
    format: str
    file: str
    bytes: int
    input_shape: tuple[int, ...]
    batch: int | None
    threads: int
    keep_measured: float | None
    largest_difference: float
    latency: tuple[Latency, ...]


def as_dict(result: Result) -> dict[str, Any]:
    """Named values."""
    return {**asdict(result), "tolerance": TOLERANCE}


def show(console: Console, result: Result) -> None:
    """Prints a table of latencies, and what the program is."""
    widen(console)
    batches = list(dict.fromkeys(one.batch for one in result.latency))
    rows: dict[str, list[str]] = {}
    for one in result.latency:
        rows.setdefault(one.by, [one.by]).append(_milliseconds(one.seconds))
    heads = ["run by", *(f"batch {batch}" for batch in batches)]
    title = "milliseconds of a forward pass: median (quartiles)"
    print_table(console, title, [heads, *rows.values()])
    batch = "any batch" if result.batch is None else f"a batch of {result.batch}"
    keep = "" if result.keep_measured is None else f", {result.keep_measured:.1%} kept"
    lines = (
        f"{result.model}: {batch} of {written(result.input_shape)}{keep}",
        f"timed on {result.threads} threads of the CPU"
        if result.threads > 1
        else "timed on one thread",
        f"largest difference {result.largest_difference:.1e} of the largest output "
        f"(at most {TOLERANCE:g})",
        f"program: {result.file} ({readable(result.bytes)})",
    )
    for line in lines:
        say(console, line)


def _milliseconds(seconds: Seconds) -> str:
    median, lower, upper = (1e3 * s for s in (seconds.median, seconds.lower, seconds.upper))
    return f"{median:.3g} ({lower:.3g}-{upper:.3g})"
