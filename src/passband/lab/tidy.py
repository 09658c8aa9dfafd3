"""Tidy tables: csv files of which each line is one frozen dataclass.

Fields with a default are columns that may be absent: one in which every row has the default is not
written.
"""

import csv
import io
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from passband.atomic import write_atomic

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def columns(kind: "type[DataclassInstance]") -> tuple[str, ...]:
    """The headings of a table: the names of the fields."""
    return tuple(field.name for field in fields(kind))


def read(path: Path, kind: type[R]) -> list[R]:
    """Reads a table.

    Args:
        path: The file.
        kind: What a line is: fields are str, int or float, or one of them or None.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is damaged; the message names the file and the line.
    """
    try:
        text = path.read_bytes().decode()
        reader = csv.reader(io.StringIO(text, newline=""))
        lines = [(reader.line_num, cells) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    header = tuple(lines[0][1]) if lines else ()
    wanted = tuple(name for name in columns(kind) if name in header or name not in _defaults(kind))
    if header != wanted:
        raise ValueError(
            f"{path} is damaged: line 1 is {','.join(header)!r}, not {','.join(wanted)!r}"
        )
    if not text.endswith("\n"):  # a cut number would still read as a number
        raise ValueError(f"{path} is damaged: its last line {text.splitlines()[-1]!r} has no end")
    readers = _readers(kind, header)
    rows = []
    for number, cells in lines[1:]:
        try:
            rows.append(_parse(cells, kind, readers))
        except ValueError as error:
            raise ValueError(
                f"{path} is damaged: line {number} is {','.join(cells)!r} ({error})"
            ) from error
    return rows


def write(path: Path, kind: type[R], rows: Iterable[R]) -> None:
    """Writes a whole table in one step."""
    rows, absent = list(rows), _defaults(kind)
    used = [
        name
        for name in columns(kind)
        if name not in absent or any(getattr(row, name) != absent[name] for row in rows)
    ]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(used)
    writer.writerows([_cell(getattr(row, name)) for name in used] for row in rows)
    write_atomic(path, text.getvalue())


def _defaults(kind: "type[DataclassInstance]") -> dict[str, Any]:
    return {field.name: field.default for field in fields(kind) if field.default is not MISSING}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


def _parse(cells: Sequence[str], kind: type[R], readers: Mapping[str, Callable[[str], Any]]) -> R:
    if len(cells) != len(readers):
        raise ValueError(f"{len(cells)} fields, expected {len(readers)}")
    named = zip(readers.items(), cells, strict=True)
    return kind(**{name: read(cell) for (name, read), cell in named})


def _readers(
    kind: "type[DataclassInstance]", names: Sequence[str]
) -> dict[str, Callable[[str], Any]]:
    """How the cells of each column are read."""
    hints = typing.get_type_hints(kind)
    return {name: _reader(hints[name]) for name in names}


def _reader(hint: Any) -> Callable[[str], Any]:
    if not isinstance(hint, types.UnionType):
        scalar: Callable[[str], Any] = hint
        return scalar
    (some,) = (one for one in typing.get_args(hint) if one is not type(None))
    return lambda cell: some(cell) if cell else None
