"""One pass of a batch through a model, seen from each of its layers."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

import passband as pb
from passband.convert.layers import check_model, own_class
from passband.functional.plan import Plan
from passband.lab.inspect.flops import band_flops, direct_flops, linear_flops
from passband.lab.inspect.layer import Inspection, Layer, Shape
from passband.memory.saved import counted
from passband.nn.setting import BandSetting
from passband.transforms.fourier import analysis

# Layers, though they have parts. Hooks on the parts of a block would change how it is computed.
_WHOLE = (_ConvNd, nn.Linear, pb.nn.SpecBlock1d, pb.nn.SpecBlock2d)


@dataclass(eq=False)
class _Pass:
    """Of one module; identity counts, since a module may run twice."""

    name: str
    module: nn.Module
    layer: bool
    input: Any
    output: Any = None
    batch: int = 0
    plan: Plan | None = None
    flops: int | None = None
    energy: float | None = None


def inspected(name: str, model: nn.Module, x: Tensor, *, energy: bool = False) -> Inspection:
    """What each layer of a model does with a batch, forward, in the mode that the model is in.

    The model is left as it was: a copy of it runs.

    Args:
        name: Of the model.
        model: Any module.
        x: Maps ``(N, C, *space)``.
        energy: Whether to measure how much of the energy of its input each band keeps.

    Raises:
        TypeError: ``model`` is no module.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
        >>> for layer in inspected("two", model, torch.zeros(2, 1, 8, 8)).layers:
        ...     print(layer.name, layer.type, layer.output, layer.flops, layer.saved_bytes)
        0 Conv2d (2, 4, 8, 8) 9216 512
        1 ReLU (2, 4, 8, 8) None 2048
    """
    seen: list[_Pass] = []
    running: list[_Pass] = []
    mine = copy.deepcopy(check_model("inspected", model))

    def before(
        path: str, layer: bool, module: nn.Module, args: Any, kwargs: dict[str, Any]
    ) -> None:
        given = _first(args, kwargs)
        this = _Pass(path, module, layer, _shape(given))
        if isinstance(module, BandSetting) and isinstance(given, Tensor):
            _look(this, module, given.detach(), energy=energy)
        seen.append(this)
        running.append(this)

    def after(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        this = running.pop()
        this.output = _shape(output)
        if this.plan is None:
            this.flops = _plain_flops(module, _first(args, kwargs), output)

    for path, module, layer in _watched(mine):
        module.register_forward_pre_hook(partial(before, path, layer), with_kwargs=True)
        module.register_forward_hook(after, with_kwargs=True)
    with torch.enable_grad():
        held = counted(lambda: mine(x), lambda: running[-1] if running else None)
    layers = (_layer(one, held.get(one, 0)) for one in seen if one.layer or held.get(one))
    return Inspection(name, tuple(layers))


def _watched(model: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module, bool]]:
    """Modules by name, down to layers, and whether each is one."""
    children = [*model.named_children()]
    layer = isinstance(model, _WHOLE) or not children
    yield name, model, layer
    for key, child in () if layer else children:
        yield from _watched(child, f"{name}.{key}" if name else key)


def _look(this: _Pass, layer: BandSetting, x: Tensor, *, energy: bool) -> None:
    """Writes down the plan of a band-limited layer, and what follows from it."""
    with torch.enable_grad():  # the plan of a training step
        prepared, plan = layer.prepared(x)
    assert isinstance(layer, _ConvNd)
    this.batch, this.plan = len(prepared), plan
    this.flops = band_flops(layer, this.batch, plan)
    if energy:
        this.energy = _energy_kept(prepared.detach(), plan)


def _energy_kept(x: Tensor, plan: Plan) -> float | None:
    """By Parseval's theorem: the half spectrum's squares, with multiplicities, over the map's."""
    x = x.double()
    whole = x.square().sum().item()
    if not math.isfinite(whole) or whole == 0:
        return None
    return analysis(x, plan.geometry.source, "fft").square().sum().item() / whole


def _plain_flops(module: nn.Module, x: Any, y: Any) -> int | None:
    if not isinstance(x, Tensor) or not isinstance(y, Tensor):
        return None
    if isinstance(module, _ConvNd):
        return direct_flops(module, x, y)
    return linear_flops(module, x) if isinstance(module, nn.Linear) else None


def _first(args: Any, kwargs: dict[str, Any]) -> Any:
    """The first map, or spectrum, that a module is given."""
    return next((v for v in (*args, *kwargs.values()) if _shape(v) is not None), None)


def _shape(value: Any) -> Shape | None:
    """Of a tensor, or of the maps of a spectrum."""
    return tuple(value.shape) if isinstance(value, Tensor | pb.Spectrum) else None


def _layer(one: _Pass, saved_bytes: int) -> Layer:
    plan, module = one.plan, one.module
    way = requested = ""
    keep = coefficients = None
    if isinstance(module, BandSetting) and plan is not None:
        geometry = plan.geometry
        assert isinstance(module, _ConvNd)
        way, requested, keep = plan.way, module.band.statement, geometry.keep
        coefficients = round(module.in_channels * geometry.bins / keep)
    if isinstance(module, _ConvNd) and one.flops is not None and (plan is None or plan.direct):
        way = "direct"
    return Layer(
        one.name, own_class(module).__name__, one.input, one.output, way, requested, keep,
        coefficients, one.flops, saved_bytes, one.energy,
    )  # fmt: skip
