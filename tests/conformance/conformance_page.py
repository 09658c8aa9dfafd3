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

Each layer, memory policy and way of computing beside what PyTorch's users do with layers. A cell is
a test that compares values and gradients with those of the eager layer, of PyTorch's own, of one
process or of finite differences; `tests/conformance` has them. No cell is left to chance: **✓**
works, **✗** raises a clear error, which the note tells, **–** does not apply, **G** is tested where
there is a GPU. A number is that of a note below.

```
python -m pytest tests/conformance            # all cells, but those that take long
python -m pytest tests/conformance -m slow    # the others: compilers and ONNX, of every row
python tests/conformance/conformance_page.py  # this page, from the tables
```

Layers of spectra stand between `ToSpectrum` and `ToSpace`; models are convolution, norm,
activation, pooling, grouped and transposed convolution.
"""


def page() -> str:
    notes: dict[Row, int] = {}
    parts = [HEAD]
    for cls, title in GROUPS.items():
        columns = [c for c in CAPABILITIES.values() if c.of is cls]
        letters = [f"{chr(ord('a') + i)}" for i in range(len(columns))]
        legend = "".join(f"- **{a}**: {c.title}\n" for a, c in zip(letters, columns, strict=True))
        table = f"| | {' | '.join(letters)} |\n|---|{'---|' * len(columns)}\n"
        for subject in SUBJECTS.values():
            marks = []
            for column in columns:
                row = state_of(subject, column)
                mark = _mark(row, column.of is OnGPU)
                if row is not None:
                    mark += f" {notes.setdefault(row, len(notes) + 1)}"
                marks.append(mark)
            table += f"| {subject.name} | {' | '.join(marks)} |\n"
        parts.append(f"## {title}\n\n{legend}\n{table}")
    parts.append("## Notes\n\n" + "".join(f"{n}. {_told(row)}\n" for row, n in notes.items()))
    return "\n".join(parts)


def _mark(row: Row | None, on_gpu: bool) -> str:
    if isinstance(row, NotApplicable):
        return "–"
    if isinstance(row, Refused):
        return "✗"
    return "G" if on_gpu else "✓"


def _told(row: Row) -> str:
    text = row.told[:1].upper() + row.told[1:]
    return f"{text} (`{row.error.__name__}`)." if isinstance(row, Refused) else f"{text}."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
