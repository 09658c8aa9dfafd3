"""An inspection as text for a reader, or as CSV or named values for programs."""

import csv
import io
from dataclasses import asdict, fields
from typing import Any

from passband.lab.inspect.layer import Inspection, Layer, Shape
from passband.lab.terminal import without_empty_columns
from passband.memory.saved import readable

_HEADINGS = (
    "layer", "type", "input", "output", "plan", "requested", "measured", "FLOPs", "saved", "energy",
)  # fmt: skip
_LEFT = 2  # columns of words, which begin where the column begins
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def as_text(found: Inspection) -> str:
    """A table, and below it what all layers need together."""
    lines = without_empty_columns(_HEADINGS, [_cells(layer) for layer in found.layers])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        "  ".join(
            cell.ljust(width) if i < _LEFT else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    kept = "" if found.keep is None else f", bands keep {found.keep:.1%} of the coefficients"
    table.append(
        f"{found.model}: {short(found.flops)} FLOPs of convolutions and linear layers, forward "
        f"only, a multiply-add counting 2; autograd holds {readable(found.saved_bytes)}{kept}"
    )
    return "\n".join(table) + "\n"


def as_csv(found: Inspection) -> str:
    """A line for each layer, with a heading; nothing stands where nothing is known."""
    out = io.StringIO()
    names = [field.name for field in fields(Layer)]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for layer in found.layers:
        shapes = {"input": written(layer.input), "output": written(layer.output)}
        writer.writerow({**asdict(layer), **shapes})
    return out.getvalue()


def as_dict(found: Inspection) -> dict[str, Any]:
    """The model, its layers, and what they need together."""
    total = {"flops": found.flops, "saved_bytes": found.saved_bytes, "keep": found.keep}
    return {**asdict(found), "total": total}


def written(shape: Shape | None) -> str:
    """A shape as a user writes it.

    Example:
        >>> written((3, 32, 32))
        '3x32x32'
    """
    return "" if shape is None else "x".join(map(str, shape))


def short(count: float) -> str:
    """A count in three digits and a prefix.

    Example:
        >>> short(37_240_000), short(512)
        ('37.2M', '512')
    """
    for unit, prefix in _PREFIXES:
        if count >= unit:
            return f"{count / unit:.3g}{prefix}"
    return f"{count:.3g}"


def _cells(layer: Layer) -> tuple[str, ...]:
    return (
        layer.name or "(the model)",
        layer.type,
        written(layer.input),
        written(layer.output),
        layer.plan,
        layer.requested,
        "" if layer.keep is None else f"{layer.keep:.3f}",
        "" if layer.flops is None else short(layer.flops),
        readable(layer.saved_bytes) if layer.saved_bytes else "",
        "" if layer.energy is None else f"{layer.energy:.4f}",
    )
