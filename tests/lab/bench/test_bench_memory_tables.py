"""Front, lines and figures of a table that was written by hand."""

import random

import pytest

from memory_row import MIB, memory_row
from passband.lab.bench.lines import legend
from passband.lab.bench.memory.figures import draw
from passband.lab.bench.memory.front import on_front
from passband.lab.bench.memory.limit import Limit
from passband.lab.bench.memory.lines import MEANINGS, limit_lines, lines
from passband.lab.bench.memory.row import Row

ROWS = [
    memory_row(accuracy=0.9),
    memory_row("checkpoint", ratio=1.3, saved=30 * MIB, peak=150 * MIB, accuracy=0.9),
    memory_row("exact", 0.5, ratio=0.6, saved=25 * MIB, peak=160 * MIB, accuracy=0.91, spread=0.02),
    memory_row("band", 0.5, ratio=0.5, saved=125 * MIB, peak=220 * MIB, accuracy=0.91),
]


@pytest.mark.parametrize("seed", range(5))
def test_the_front_by_going_along_one_axis(seed: int) -> None:
    chance = random.Random(seed)
    points = [(chance.randrange(12), chance.randrange(12)) for _ in range(40)]
    least, front = 12, set()
    for x in range(12):
        lowest = min((b for a, b in points if a == x), default=12)
        if lowest < least:
            front.add((x, lowest))
            least = lowest
    assert on_front(points) == [point in front for point in points]


def test_a_line_for_each_technique() -> None:
    assert lines(ROWS) == [
        ("technique", "keep", "saved MiB", "÷ plain", "peak MiB", "÷ plain", "÷ promised",
         "step ms", "÷ plain", "accuracy %"),
        ("plain", "", "100", "1.00", "200", "1.00", "1.54", "500", "1.00", "90.0"),
        ("checkpoint", "", "30", "0.30", "150 ✓", "0.75", "2.50", "650", "1.30", "90.0"),
        ("exact", "0.5", "25 ✓", "0.25", "160 ✓", "0.80", "2.91", "300", "0.60", "91.0 ± 2.0"),
        ("band", "0.5", "125 ✓", "1.25", "220 ✓", "1.10", "1.42", "250", "0.50", "91.0"),
    ]  # fmt: skip


def test_every_heading_is_explained_but_names_and_times() -> None:
    headings = dict.fromkeys([*lines(ROWS)[0], "✓"])
    told = {name for part in legend(headings, MEANINGS).split("; ")
            for name in part.split(":")[0].split(", ")}  # fmt: skip
    assert told == {*headings} - {"technique", "step ms"}


def test_without_training_there_is_no_accuracy() -> None:
    assert "accuracy %" not in lines([memory_row()])[0]


def test_figures_tell_the_accuracy_of_the_front_and_of_plain() -> None:
    saved, peak = draw(ROWS).items()
    assert (saved[0], peak[0]) == ("memory-resnet18-32-saved", "memory-resnet18-32-peak")
    for label in ("plain: 90.0 %", "exact 0.5: 91.0 ± 2.0 %", "band 0.5: 91.0 %"):
        assert label in saved[1]
        assert label in peak[1]
    assert "checkpoint" in saved[1]
    assert "checkpoint: 90.0 %" not in saved[1]
    assert "checkpoint: 90.0 %" in peak[1]


def test_what_holds_nothing_has_no_place_on_a_logarithmic_axis() -> None:
    rows: list[Row] = [memory_row(), memory_row("save_on_cpu", ratio=3.0, saved=0)]
    assert "save_on_cpu" not in draw(rows)["memory-resnet18-32-saved"]


def test_limits_beside_plains() -> None:
    def limit(technique: str, keep: float | None, batch: int, peak: int | None) -> Limit:
        return Limit("resnet18", technique, keep, 2**30, batch, peak, "cpu", "abacus", "2.13.0", 2,
                     "2026-01-31")  # fmt: skip

    assert limit_lines([
        limit("plain", None, 40, 1000 * MIB),
        limit("exact", 0.5, 100, 1020 * MIB),
        limit("band", 0.5, 0, None),
    ]) == [
        ("technique", "keep", "largest batch", "÷ plain", "peak MiB"),
        ("plain", "", "40", "1.00", "1000"),
        ("exact", "0.5", "100", "2.50", "1020"),
        ("band", "0.5", "0", "0.00", ""),
    ]  # fmt: skip
