"""Tables of `benchmarks/reference`, by the directive `benchmark`, as the command line shows them.

```{benchmark} MACHINE/conv.csv
:group: kernels
```
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from passband.lab.bench import row as speed
from passband.lab.bench.config import GROUPS
from passband.lab.bench.contender import WAYS
from passband.lab.bench.lines import lines
from passband.lab.bench.memory import lines as memory_lines
from passband.lab.bench.memory import row as memory
from passband.lab.bench.networks import networks
from passband.lab.bench.targets import goal_and_must
from passband.lab.tidy import read

TABLES = Path(__file__).parents[2] / "benchmarks" / "reference"
_LEFT_OUT = {*WAYS, "way", "loss"}


class Benchmark(SphinxDirective):
    """The table, and where and when it was measured."""

    required_arguments = 1
    option_spec: ClassVar = {"group": directives.unchanged, "dtype": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Writes it in Markdown, and has that read."""
        path = TABLES / self.arguments[0]
        self.env.note_dependency(str(path))
        if path.stem == "memory":
            rows: Sequence[memory.Row | speed.Row] = read(path, memory.Row)
            table = memory_lines.lines(read(path, memory.Row))
        else:
            rows = wanted = [row for row in speed.read(path) if self._wanted(row)]
            table = _narrowed(lines(wanted, _targets))
        where = f"{rows[0].machine}, PyTorch {rows[0].torch}, {rows[0].date}."
        return self.parse_text_to_nodes(f"{_markdown(table)}\n\n{where}\n")

    def _wanted(self, row: speed.Row) -> bool:
        group, dtype = self.options.get("group"), self.options.get("dtype", "float32")
        return row.dtype == dtype and group in (None, row.group)


def _targets(row: speed.Row) -> tuple[float | None, float | None]:
    assert row.keep is not None
    of_layers = row.command == "conv"
    cases = GROUPS[row.group]() if of_layers else networks(row.command, row.group, None)
    mine = next((case for case in cases if case.name == row.case), None)
    if mine is None:
        return None, None
    return goal_and_must(row.command, mine, row.keep, row.dtype, row.device)


def _narrowed(table: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Less the columns that compare our own ways with each other."""
    shown = [at for at, heading in enumerate(table[0]) if heading not in _LEFT_OUT]
    return [tuple(line[at] for at in shown) for line in table]


def _markdown(table: Sequence[tuple[str, ...]]) -> str:
    head, *body = (f"| {' | '.join(line)} |" for line in table)
    rule = "|---|" + "---:|" * (len(table[0]) - 1)
    return "\n".join([head, rule, *body])


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the directive."""
    app.add_directive("benchmark", Benchmark)
    return {"parallel_read_safe": True}
