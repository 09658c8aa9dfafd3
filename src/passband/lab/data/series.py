"""Readers of the files in which time series archives come: `.ts`, and delimited text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from passband.lab.data.labeled import Part
from passband.lab.data.packages import require


def read_ts(path: Path, shown: object = None) -> Part:
    """Reads a `.ts` file: a header, then `channel:channel:…:class` on each line.

    Args:
        path: the file.
        shown: what to call it in errors, if not by its path.

    Returns:
        Series `(N, C, length)` and the names of their classes, which aeon puts in lower case.

    Raises:
        ValueError: the file is damaged, has no classes or time stamps, or its series are unequal
            in length or incomplete.
    """
    shown = shown or path
    parse = require("aeon.datasets").load_from_ts_file
    try:
        series, labels, header = parse(str(path), return_meta_data=True)
    except (OSError, ValueError, IndexError) as error:
        raise ValueError(f"{shown}: not a sound .ts file: {error}") from error
    if not header["classlabel"]:
        raise ValueError(f"{shown}: no class labels; only classification problems can be used")
    if header["timestamps"]:
        # The parser drops the signs of such values.
        raise ValueError(f"{shown}: series with time stamps cannot be used")
    if not len(series):
        raise ValueError(f"{shown}: no series")
    _equal_lengths(shown, "series", [one.shape[-1] for one in series])
    if not len(series[0]):
        raise ValueError(f"{shown}, series 1: no class label")
    names = [str(label).strip() for label in labels]
    declared = header["class_values"]
    for number, name in enumerate(names, 1):
        if declared and name not in declared:
            raise ValueError(f"{shown}, series {number}: class {name!r}, declared are {declared}")
    return Part(
        _complete(shown, "series", torch.stack([torch.as_tensor(one) for one in series])), names
    )


def read_delimited(path: Path, shown: object = None) -> Part:
    """Reads text with one series a line, its class first, between tabs, commas or blanks.

    Args:
        path: the file.
        shown: what to call it in errors, if not by its path.

    Returns:
        Series `(N, 1, length)` and the names of their classes; these are numbers in such files,
        and `1.0000000e+00` and `1` are one class.

    Raises:
        ValueError: the file is not such text, or its series are unequal in length or incomplete.
    """
    shown = shown or path
    try:
        lines = path.read_text(encoding="utf-8").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{shown}: cannot be read as text: {error}") from error
    if not lines:
        raise ValueError(f"{shown}: no series")
    rows = [_numbers(shown, number, line) for number, line in enumerate(lines, 1)]
    _equal_lengths(shown, "line", [len(row) - 1 for row in rows])
    table = torch.tensor(rows, dtype=torch.float64)
    return Part(_complete(shown, "line", table[:, None, 1:]), [f"{row[0]:.15g}" for row in rows])


READERS: Mapping[str, Callable[[Path, object], Part]] = {
    ".ts": read_ts,
    ".tsv": read_delimited,
    ".csv": read_delimited,
    ".txt": read_delimited,
    "": read_delimited,
}
"""The reader of each ending, the most informative format first."""


def _numbers(shown: object, number: int, line: str) -> list[float]:
    separator = next((mark for mark in ",\t" if mark in line), None)
    fields = line.split(separator)
    if not fields:
        raise ValueError(f"{shown}, line {number}: an empty line between series")
    try:
        label, *values = (float(field) for field in fields)
    except ValueError as error:
        raise ValueError(f"{shown}, line {number}: {error}") from error
    if not math.isfinite(label):
        raise ValueError(f"{shown}, line {number}: the class is {label}, which is no label")
    return [label, *values]


def _equal_lengths(shown: object, unit: str, lengths: Sequence[int]) -> None:
    """Refuses series that cannot share a tensor; `unit` is what the file counts, from 1."""
    if not lengths[0]:
        raise ValueError(f"{shown}, {unit} 1: a series without values")
    for number, length in enumerate(lengths, 1):
        if length != lengths[0]:
            raise ValueError(
                f"{shown}, {unit} {number}: {length} values where {unit} 1 has {lengths[0]}: the "
                "file is cut short, or holds series of unequal length, which cannot be used"
            )


def _complete(shown: object, unit: str, series: Tensor) -> Tensor:
    series = series.to(torch.float32)  # first: a value that overflows is no use either
    broken = (~series.isfinite()).flatten(1).any(1).nonzero()
    if len(broken):
        raise ValueError(
            f"{shown}, {unit} {int(broken[0]) + 1}: NaN or infinity: a missing value, or the "
            "padding of series of unequal length; neither can be used"
        )
    return series
