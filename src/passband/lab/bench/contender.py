"""Who is measured in a case: PyTorch's module in each memory format, and ours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn

import passband as pb
from passband.convert.layers import band_layers
from passband.functional.cost import Way
from passband.functional.plan import PlanName, ways
from passband.lab.bench.case import Case
from passband.lab.bench.row import OURS, PLAIN
from passband.nn.setting import BandSetting

WAYS: tuple[Way, ...] = get_args(Way)
PLANS: tuple[PlanName, ...] = (*WAYS, "auto")
_HOPELESS = 8  # times the estimate of the best way
_CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


@dataclass(frozen=True)
class Contender:
    """A module, and the input that it is given.

    Attributes:
        name: Who, and in which memory format.
        module: On its device.
        x: The input.
        keep: Asked for; None for a module that knows no band.
        keep_measured: What its layers really keep.
        plan: Asked for; None for a module that is not ours.
        compiled: Whether ``torch.compile`` runs it.
    """

    name: str
    module: nn.Module
    x: Tensor
    keep: float | None = None
    keep_measured: float | None = None
    plan: PlanName | None = None
    compiled: bool = False


def formats(case: Case) -> tuple[str, ...]:
    """The memory formats that PyTorch has for such maps."""
    return ("contiguous", "channels_last") if case.dims in _CHANNELS_LAST else ("contiguous",)


def laid_out(case: Case, x: Tensor, memory: str) -> tuple[nn.Module, Tensor]:
    """The plain module and the input in a memory format, on the input's device.

    The same random weights each time.
    """
    torch.manual_seed(0)
    module = case.make().to(x.device)
    if memory == "contiguous":
        return module, x
    last = _CHANNELS_LAST[case.dims]
    return module.to(memory_format=last), x.to(memory_format=last)  # type: ignore[call-overload]


def plain(case: Case, x: Tensor) -> Iterator[Contender]:
    """PyTorch's module: the faster of these is the reference."""
    for memory in formats(case):
        yield Contender(f"{PLAIN} {memory}", *laid_out(case, x, memory))


def ours(
    case: Case, x: Tensor, keeps: Sequence[float], plans: Sequence[PlanName], *, training: bool
) -> Iterator[Contender]:
    """The converted module at each keep, by each plan that it has and that is not hopeless.

    Args:
        case: Says what to build.
        x: Input.
        keeps: Fractions of the half spectrum.
        plans: As in ``passband.convert_``.
        training: If not, the filters' spectra are remembered.
    """
    for keep in keeps:
        for plan in plans:
            for memory in formats(case):
                module, mine = laid_out(case, x, memory)
                report = pb.convert_(module, pb.Band(keep=keep), example=mine[:1])
                if not _has(module, mine, plan):
                    continue
                for layer in band_layers(module).values():
                    layer.plan = plan
                if not training:
                    pb.freeze_(module)
                name = f"{OURS} {plan} {memory}"
                yield Contender(name, module, mine, keep, report.keep_measured, plan)


def _has(module: nn.Module, x: Tensor, plan: PlanName) -> bool:
    """Whether to time a plan: not every layer, dtype and device has kernels, and some have no hope.

    A matrix on a series of 16384 samples takes minutes where an FFT takes a second. What the cost
    model calls hopeless is not seen, were it wrong about that.
    """
    if plan not in WAYS or not isinstance(module, BandSetting):
        return True
    chosen = module.plan_for(x)
    if plan not in ways(chosen.geometry, x.dtype, x.device.type):
        return False
    return chosen.costs.get(plan, 0) <= _HOPELESS * min(chosen.costs.values())
