"""The page of the matrix; run as a script, it writes the page from the tables."""

from __future__ import annotations

from pathlib import Path

from conformance_suite import CAPABILITIES, GROUPS
from running import OnGPU
from states import NotApplicable, Refused, Row, state_of
from subjects import SUBJECTS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"
HEAD = """\
# What composes with what

Each layer, memory policy and way of computing, beside what PyTorch's users do with layers. Every
cell is a test, in `tests/conformance`. It compares values and gradients with those of the eager
layer, of PyTorch's own layer, of one process, or of finite differences. What is refused raises a
clear error. [Limits](../limits.md) has what to do instead.

```
python -m pytest tests/conformance            # all cells, but those that take long
python -m pytest tests/conformance -m slow    # the others: compilers and ONNX, of every row
python tests/conformance/conformance_page.py  # this page, from the tables
```

The rows: layers of spectra (`SpecConv2d` and the like) stand between `ToSpectrum` and `ToSpace`.
*Dynamic* is a band by energy that is chosen from each batch (`Band(energy=0.9, dynamic=True)`).
*Converted* is a small model (convolution, norm, activation, pooling, grouped and transposed
convolution) after `convert_`. Policies without *converted*, as `exact()`, are on the plain model.
"""
MARKS = "{}, **✗** raises, **–** does not apply; a number is that of a note below the table.\n"


def page() -> str:
    parts = [HEAD]
    for cls, title in GROUPS.items():
        columns = [c for c in CAPABILITIES.values() if c.of is cls]
        letters = [f"{chr(ord('a') + i)}" for i in range(len(columns))]
        legend = "".join(f"- **{a}**: {c.title}\n" for a, c in zip(letters, columns, strict=True))
        table = f"| | {' | '.join(letters)} |\n|---|{'---|' * len(columns)}\n"
        notes: dict[str, list[Row]] = {}  # rows of the same words are one note
        for subject in SUBJECTS.values():
            marks = []
            for column in columns:
                row = state_of(subject, column)
                mark = _mark(row, column.of is OnGPU)
                if row is not None:
                    notes.setdefault(row.told, []).append(row)
                    mark += f" {list(notes).index(row.told) + 1}"
                marks.append(mark)
            table += f"| {subject.name} | {' | '.join(marks)} |\n"
        numbered = "".join(f"{n}. {_told(rows)}\n" for n, rows in enumerate(notes.values(), 1))
        marks_told = MARKS.format(
            "**G** is tested where there is a GPU" if cls is OnGPU else "**✓** works"
        )
        told = (f"## {title}\n", legend, marks_told, table, numbered)
        parts.append("\n".join(filter(None, told)))
    return "\n".join(parts)


def _mark(row: Row | None, on_gpu: bool) -> str:
    if isinstance(row, NotApplicable):
        return "–"
    if isinstance(row, Refused):
        return "✗"
    return "G" if on_gpu else "✓"


def _told(rows: list[Row]) -> str:
    told = rows[0].told
    errors = dict.fromkeys(f"`{row.error.__name__}`" for row in rows if isinstance(row, Refused))
    return told[:1].upper() + told[1:] + (f" ({', '.join(errors)})." if errors else ".")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
