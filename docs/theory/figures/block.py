"""What one block of a ReLU network holds for backward: plain, converted, with a policy."""

from typing import Any

import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

import passband as pb

CHANNELS, SIZE, KEEP = 64, 32, 0.25
PLACES = {"conv input": 0, "norm": 1, "activation": 2}
MAP = CHANNELS * SIZE * SIZE * 4


def draw() -> Figure:
    """A square for each tensor held, its area the bytes."""
    figure, axes = plt.subplots(figsize=(5, 5.2))
    faint = plt.rcParams["grid.color"]
    exact = pb.MemoryPolicy.exact()
    rows = (
        ("plain", None, None),
        ("converted, keep 0.25", pb.Band(keep=KEEP), None),
        ("the same, and an exact policy", pb.Band(keep=KEEP), exact),
    )
    for place, name in enumerate(("conv's input", "norm's input", "ReLU's output")):
        axes.text(1.8 * place, 1.35, name, ha="center", weight="bold")
    for row, (name, band, policy) in enumerate(rows):
        held = _block(band, policy)
        y = -2.25 * row
        axes.text(-0.5, y + 0.6, name, va="bottom", color="C1")
        for kind, place in PLACES.items():
            axes.add_patch(_square(1.8 * place, y, 1.0, ec=faint, fc="none", ls="--"))
            side = held.get(kind, 0) ** 0.5
            axes.add_patch(_square(1.8 * place, y, side, ec="none", fc="C0"))
        total = sum(held.values())
        axes.text(4.5, y, f"{total * MAP / 1024:.0f} KiB\n= {total:.2f} maps", va="center")
        spectrum = f"spectrum\n{held.get('conv input', 0):.2f}"
        notes = (
            ("the ReLU before\nholds it", "1 map", "1 map"),
            (spectrum, "1 map", "1 map"),
            (spectrum, "computed\nagain", "a bit each"),
        )[row]
        for place, note in enumerate(notes):
            axes.text(1.8 * place, y - 0.58, note, ha="center", va="top", fontsize=9)
    axes.set(xlim=(-0.8, 6.0), ylim=(-5.7, 1.6), aspect="equal")
    axes.axis("off")
    return figure


def _block(band: pb.Band | None, policy: pb.MemoryPolicy | None) -> dict[str, float]:
    """Maps that one block more holds, by kind."""
    more, less = (_held(blocks, band, policy) for blocks in (3, 2))
    return {kind: (more[kind] - less[kind]) / MAP for kind in PLACES}


def _held(blocks: int, band: pb.Band | None, policy: pb.MemoryPolicy | None) -> dict[str, int]:
    layers: list[nn.Module] = []
    for _ in range(blocks):
        conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(CHANNELS), nn.ReLU()]
    model = nn.Sequential(*layers)
    if band is not None:
        pb.convert_(model, band, memory=policy)
    x = torch.randn(1, CHANNELS, SIZE, SIZE)
    return dict(pb.memory.saved(lambda: model(x)).by_kind)


def _square(x: float, y: float, side: float, **look: Any) -> Rectangle:
    return Rectangle((x - side / 2, y - side / 2), side, side, **look)
