"""What became of each convolution of a model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from passband.functional.plan import Plan
from passband.nn.setting import BandSetting

_HEAD = ("layer", "before -> after", "requested", "measured", "plan", "holds")


@dataclass(frozen=True)
class Row:
    """One convolution.

    Attributes:
        name: of the module in the model; empty for the model itself.
        before: class before.
        after: class after; the same if it was left alone.
        band: what was requested, as `"keep=0.5"`; empty if it was left alone.
        reason: why it was left alone; empty if it was converted.
        channels: input channels.
        plan: how it is computed, if an example was given.
    """

    name: str
    before: str
    after: str
    band: str
    reason: str
    channels: int
    plan: Plan | None = None

    @property
    def converted(self) -> bool:
        """Whether it is band-limited now."""
        return not self.reason


@dataclass(frozen=True)
class ConvertReport:
    """What became of each convolution; `print` it for a table.

    Attributes:
        rows: one for each convolution, in the order of the model.
    """

    rows: tuple[Row, ...]

    @property
    def converted(self) -> tuple[Row, ...]:
        """The convolutions that are band-limited."""
        return tuple(row for row in self.rows if row.converted)

    @property
    def skipped(self) -> tuple[Row, ...]:
        """The convolutions that were left alone."""
        return tuple(row for row in self.rows if not row.converted)

    @property
    def keep_measured(self) -> float:
        """What the converted layers keep, after rounding to bins, weighted by input channels.

        Kept coefficients over all coefficients of their input's half spectra.

        Raises:
            RuntimeError: no example was given, so the sizes of the maps are not known.
        """
        plans = [(row.channels, row.plan) for row in self.converted]
        kept = whole = 0.0
        for channels, plan in plans:
            if plan is None:
                raise RuntimeError(
                    "the measured keep depends on the sizes of the maps: give "
                    "convert_(model, band, example=...) an input"
                )
            kept += channels * plan.geometry.bins
            whole += channels * plan.geometry.bins / plan.geometry.keep
        return kept / whole if whole else 1.0

    def __str__(self) -> str:
        cells = [_HEAD, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(_HEAD))]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            + (f"  left alone: {row.reason}" if row and row.reason else "")
            for line, row in zip(cells, [None, *self.rows], strict=True)
        ]
        known = bool(self.converted) and all(row.plan for row in self.converted)
        measured = f", keeping {self.keep_measured:.1%} of the coefficients" if known else ""
        count = f"{len(self.converted)} of {len(self.rows)} convolutions are band-limited"
        return "\n".join([*table, count + measured])


def with_plans(report: ConvertReport, model: nn.Module, example: object) -> ConvertReport:
    """The report with the plan of each converted layer, from one pass of an example.

    The pass runs in eval mode and without gradients, so that no statistics move.
    """
    plans: dict[str, Plan] = {}
    layers = {model.get_submodule(row.name): row.name for row in report.converted}
    training = {module: module.training for module in model.modules()}

    def record(layer: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        assert isinstance(layer, BandSetting)
        plans[layers[layer]] = layer.plan_for(args[0] if args else kwargs["input"])

    handles = [layer.register_forward_pre_hook(record, with_kwargs=True) for layer in layers]
    try:
        model.eval()
        with torch.no_grad():
            model(*example) if isinstance(example, tuple | list) else model(example)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in training.items():
            module.training = mode
    return ConvertReport(tuple(replace(row, plan=plans.get(row.name)) for row in report.rows))


def _cells(row: Row) -> tuple[str, ...]:
    name = row.name or "(the model)"
    if not row.converted:
        return name, row.before, "", "", "", ""
    change, plan = f"{row.before} -> {row.after}", row.plan
    if plan is None:
        return name, change, row.band, "-", "-", "-"
    held = f"{_bytes(plan.held_bytes)} {plan.holds}"
    return name, change, row.band, f"{plan.geometry.keep:.3f}", plan.way, held


def _bytes(count: int) -> str:
    return f"{count / 2**20:.2f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
