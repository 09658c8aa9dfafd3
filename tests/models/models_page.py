"""The table of docs/reference/models.md: `python tests/models/models_page.py` writes it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from zoo import ZOO, objective

import passband as pb
from passband.memory import MemoryPolicy, saved

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "models.md"
HEAD = (
    "| network | for | band-limited | left alone | keep measured | held, band | held, and policy |",
    "|---|---|---|---|---|---|---|",
)
HALF, EXACT = pb.Band(keep=0.5), MemoryPolicy.exact()


def line(name: str) -> str:
    """A network's line.

    Raises:
        ImportError: its package does not import here.
    """
    architecture = ZOO[name]
    report = pb.convert_(architecture.network(), HALF, example=architecture.inputs)
    plain = held(name, None, None)
    reasons = [_short(row.reason) for row in report.skipped]
    left = [f"{reasons.count(reason)} {reason}" for reason in dict.fromkeys(reasons)]
    if report.unreached:
        left.append(f"{len(report.unreached)} not run")
    reached = any(row.plans for row in report.converted)
    cells = (
        name,
        architecture.task,
        f"{len(report.converted)} of {len(report.rows)}",
        ", ".join(left),
        f"{report.keep_measured:.2f}" if reached else "",
        f"{held(name, HALF, None) / plain:.2f}",
        f"{held(name, HALF, EXACT) / plain:.2f}",
    )
    return f"| {' | '.join(cells)} |"


@cache
def held(name: str, band: pb.Band | None, policy: MemoryPolicy | None) -> int:
    """Bytes that autograd holds of a training step."""
    network, inputs = ZOO[name].network(), ZOO[name].inputs
    if band is not None or policy is not None:
        pb.convert_(network, band, memory=policy)
    return saved(lambda: objective(network, inputs)).total


def _short(reason: str) -> str:
    return "of size 1" if reason.startswith("kernel size 1") else "subclass"


def _table() -> list[str]:
    rows = []
    for name in ZOO:
        try:
            rows.append(line(name))
        except ImportError as error:
            print(f"{name}: {error}")
    return [*HEAD, *rows]


if __name__ == "__main__":
    torch.set_num_threads(1)
    lines = PAGE.read_text().splitlines()
    first = lines.index(HEAD[0])
    rest = next((i for i in range(first, len(lines)) if not lines[i]), len(lines))
    PAGE.write_text("\n".join([*lines[:first], *_table(), *lines[rest:], ""]))
