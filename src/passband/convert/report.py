"""What became of each convolution of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from passband.convert.layers import (
    PLAIN_OF,
    band_layers,
    check_model,
    convolutions,
    own_class,
    scripted,
)
from passband.convert.observe import observing
from passband.functional.plan import Plan
from passband.memory.attach import policy_of
from passband.memory.policy import MemoryPolicy
from passband.memory.saved import left_alone, readable
from passband.nn.setting import BandSetting

_NAMED = 4  # functions that a report names
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
        plans: how it is computed, each time that the example passes through it; empty without an
            example, or if that does not reach the layer.
    """

    name: str
    before: str
    after: str
    band: str
    reason: str
    channels: int
    plans: tuple[Plan, ...] = ()

    @property
    def converted(self) -> bool:
        """Whether it is band-limited now."""
        return not self.reason


@dataclass(frozen=True)
class ConvertReport:
    """What became of each convolution; `print` it for a table.

    Attributes:
        rows: one for each convolution, in the order of the model.
        memory: the model's memory policy.
        left_alone: bytes held by functions that the policy does not know, by their names; empty
            without a policy or an example.
        unreached: converted layers that the example did not pass through, by name. A model that
            gives a layer's weight to a function itself never calls the layer, so its band does
            nothing: see `passband.bandlimited`.
    """

    rows: tuple[Row, ...]
    memory: MemoryPolicy | None = None
    left_alone: Mapping[str, int] = field(default_factory=dict, hash=False)
    unreached: tuple[str, ...] = ()

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

        Kept coefficients over all coefficients of their inputs' half spectra, over the layers that
        the example reached.

        Raises:
            RuntimeError: without an example the sizes of the maps are not known.
        """
        seen = [(row.channels, plan.geometry) for row in self.converted for plan in row.plans]
        if self.converted and not seen:
            raise RuntimeError(
                "the measured keep depends on the sizes of the maps: give report(model, "
                "example=...) or convert_(..., example=...) an input that reaches the layers"
            )
        kept = sum(channels * g.bins for channels, g in seen)
        whole = sum(channels * g.bins / g.keep for channels, g in seen)
        return kept / whole if whole else 1.0

    def __str__(self) -> str:
        cells = [_HEAD, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(_HEAD))]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            + (f"  left alone: {row.reason}" if row and row.reason else "")
            for line, row in zip(cells, [None, *self.rows], strict=True)
        ]
        known = any(row.plans for row in self.converted)
        measured = f", keeping {self.keep_measured:.1%} of the coefficients" if known else ""
        count = f"{len(self.converted)} of {len(self.rows)} convolutions are band-limited"
        if not self.rows:
            table, count = [], "the model has no convolution"
        policy = [] if self.memory is None else [f"memory policy: {self.memory}{self._others()}"]
        names = ", ".join(name or "(the model)" for name in self.unreached)
        unreached = [f"the example did not reach: {names}"] if names else []
        return "\n".join([*table, count + measured, *unreached, *policy])

    def _others(self) -> str:
        most = list(self.left_alone.items())[:_NAMED]
        if not most:
            return ""
        told = ", ".join(f"{name} {readable(count)}" for name, count in most)
        more = ", …" if len(self.left_alone) > len(most) else ""
        total = readable(sum(self.left_alone.values()))
        return f"; functions that it does not know hold {total}: {told}{more}"


def report(model: nn.Module, example: object = None) -> ConvertReport:
    """What each convolution of a model is now, whoever made it so.

    Args:
        model: any module.
        example: an input, or a tuple of them, run once through the model (in eval mode, without
            gradients) so that the report can tell sizes, plans, measured keep and held bytes.

    Raises:
        TypeError: model is no module.

    Examples:
        >>> import torch
        >>> from passband.nn import BandConv2d
        >>> model = nn.Sequential(BandConv2d(3, 8, 3, keep=0.5, plan="dft"), nn.Conv2d(8, 8, 3))
        >>> print(report(model, torch.zeros(1, 3, 16, 16)))
        layer  before -> after       requested  measured  plan  holds
        0      Conv2d -> BandConv2d  keep=0.5   0.458     dft   1.4 KiB spectrum
        1      Conv2d  left alone: not converted
        1 of 2 convolutions are band-limited, keeping 45.8% of the coefficients
    """
    check_model("report", model)
    rows = []
    for name, module in convolutions(model):
        now = own_class(module)
        before = PLAIN_OF.get(now, now).__name__
        channels = int(getattr(module, "in_channels", 0))
        band = module.band.statement if isinstance(module, BandSetting) else ""
        reason = "compiled by torch.jit" if scripted(module) else "not converted"
        rows.append(Row(name, before, now.__name__, band, "" if band else reason, channels))
    written = ConvertReport(tuple(rows), policy_of(model))
    return written if example is None else with_plans(written, model, example)


def with_plans(written: ConvertReport, model: nn.Module, example: object) -> ConvertReport:
    """The report with the plans of each converted layer, from one pass of an example."""
    layers = band_layers(model)
    names = {layers[row.name]: row.name for row in written.converted}
    plans: dict[str, list[Plan]] = {name: [] for name in names.values()}

    def see(layer: BandSetting, x: Tensor) -> None:
        with torch.enable_grad():  # the plan of a training step
            plans[names[layer]].append(layer.plan_for(x))

    def run() -> object:
        return model(*example) if isinstance(example, tuple | list) else model(example)

    others: dict[str, int] = {}
    with observing(model, names, see):
        if written.memory is None:
            run()
        else:
            with torch.enable_grad():
                others = left_alone(run)
    rows = tuple(replace(row, plans=tuple(plans.get(row.name, ()))) for row in written.rows)
    unreached = tuple(name for name, seen in plans.items() if not seen)
    return replace(written, rows=rows, left_alone=others, unreached=unreached)


def _cells(row: Row) -> tuple[str, ...]:
    name = row.name or "(the model)"
    if not row.converted:
        return name, row.before, "", "", "", ""
    change = f"{row.before} -> {row.after}"
    if not row.plans:
        return name, change, row.band, "-", "-", "-"
    kept, ways, holds = (
        "+".join(dict.fromkeys(each))
        for each in zip(
            *((f"{p.geometry.keep:.3f}", p.way, p.holds) for p in row.plans), strict=True
        )
    )
    times = f" ({len(row.plans)} passes)" if len(row.plans) > 1 else ""
    held = readable(sum(plan.held_bytes for plan in row.plans))
    return name, change, row.band, kept, ways, f"{held} {holds}{times}"
