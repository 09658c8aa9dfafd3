"""In place: ordinary convolutions to band-limited ones, back, and to another band."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.lazy import LazyModuleMixin

from passband.band import Band
from passband.convert.layers import (
    BAND_OF,
    PLAIN_OF,
    band_layers,
    check_model,
    convolutions,
    own_class,
    scripted,
    to_band,
    to_plain,
)
from passband.convert.report import ConvertReport, Row, with_plans
from passband.functional.arguments import check_choices
from passband.functional.geometry import StrideMode
from passband.functional.plan import PlanName
from passband.memory.attach import attach_, detach_, policy_of
from passband.memory.policy import MemoryPolicy
from passband.nn.setting import BandSetting, Setting, check_setting
from passband.spelling import meant

Where = Callable[[str, nn.Module], bool]
Bands = Band | Mapping[str, Band] | Sequence[Band] | Callable[[str, nn.Module], Band | None]


def convert_(
    model: nn.Module,
    band: Band | None,
    *,
    memory: MemoryPolicy | None = None,
    where: Where | None = None,
    pointwise: bool = False,
    plan: PlanName = "auto",
    stride_mode: StrideMode = "sample",
    example: Tensor | Sequence[object] | None = None,
) -> ConvertReport:
    """Make a model's convolutions band-limited, in place.

    Each `nn.Conv*` and `nn.ConvTranspose*` changes its class and nothing else: parameters, their
    order and identity (so optimizers go on), hooks, tied modules, train and eval mode, the
    state_dict, all stay. Subclasses are left alone, since their behaviour is not known, and listed
    with the reason; parametrised convolutions are converted. Convert before compiling a model or
    wrapping it in DDP or FSDP, and after adding adapters (LoRA), which make layers of the class
    they find. Functional calls are no modules: see `bandlimited`.

    Args:
        model: any module; it may itself be a convolution.
        band: which frequencies to keep; None leaves every convolution as it is, for the sake of a
            memory policy.
        memory: what the blocks of the model keep for backward, see `MemoryPolicy`; None changes
            nothing about it. Outputs stay as they are.
        where: asked for each convolution, `where(name, module)`; those it denies are left alone.
        pointwise: also convert convolutions of kernel size 1, which the paper leaves in space.
        plan: as in `passband.functional.band_conv2d`.
        stride_mode: as in `passband.functional.band_conv2d`; transposed convolutions have none.
        example: an input, or a tuple of them, run once through the model (in eval mode, without
            gradients) so that the report can tell sizes, plans, measured keep and saved bytes.

    Returns:
        A row for each convolution: what it became, or why it was left alone.

    Raises:
        TypeError: model is no module, band no `Band`, memory no `MemoryPolicy`, or neither given.
        ValueError: an unknown plan or stride mode; a layer that is
            band-limited already, with another setting, or that torch.jit compiled. Nothing is
            changed then, nor when the example does not pass.

    Examples:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 1))
        >>> print(convert_(model, Band(keep=0.5)))
        layer  before -> after       requested  measured  plan  holds
        0      Conv2d -> BandConv2d  keep=0.5   -         -     -
        2      Conv2d  left alone: kernel size 1 (pointwise=True converts it)
        1 of 2 convolutions are band-limited
    """
    check_model("convert_", model)
    if band is not None:
        check_choices("convert_", band, plan, stride_mode=stride_mode)
    elif memory is None:
        raise TypeError("convert_: give a band, a memory policy, or both; got None for each")
    if not isinstance(memory, MemoryPolicy | None):
        raise TypeError(
            f"convert_: memory is a MemoryPolicy, as MemoryPolicy.exact(); got {memory!r}"
        )
    rows, chosen = [], []
    for name, module in convolutions(model):
        before = own_class(module)
        if band is None:
            rows.append(_as_it_is(name, module, before))
            continue
        reason = _reason(name, module, before, where, pointwise)
        transposed = issubclass(before, _ConvTransposeNd)
        setting = Setting(band, plan, "sample" if transposed else stride_mode)
        if not reason and isinstance(module, BandSetting):
            if module.setting != setting:
                raise ValueError(
                    f"convert_: {name or 'the model'} is band-limited already, with "
                    f"{module.setting}, and asked for {setting}: change it with set_band_, or "
                    "revert_ first"
                )
        elif not reason:
            check_setting(module, "convert_", setting)
            chosen.append((module, setting))
        after = before if reason else BAND_OF.get(before, before)
        requested = "" if reason else band.statement
        channels = int(getattr(module, "in_channels", 0))
        rows.append(Row(name, before.__name__, after.__name__, requested, reason, channels))
    for module, setting in chosen:
        to_band(module, setting)
    policy = policy_of(model)
    if memory is not None:
        attach_(model, memory)
    report = ConvertReport(tuple(rows), policy_of(model))
    if example is None:
        return report
    try:
        return with_plans(report, model, example)
    except BaseException:
        for module, _ in chosen:
            to_plain(module)
        detach_(model)
        if policy is not None:
            attach_(model, policy)
        raise


def revert_(model: nn.Module) -> list[str]:
    """Turn every band-limited convolution back into the ordinary one, in place and bit-exact.

    A memory policy is taken off as well.

    Args:
        model: any module.

    Returns:
        The names of the layers that were turned back.

    Raises:
        TypeError: model is no module.

    Examples:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3))
        >>> _ = convert_(model, Band(keep=0.5))
        >>> revert_(model), type(model[0]) is nn.Conv2d
        (['0'], True)
    """
    check_model("revert_", model)
    layers = [
        (name, module) for name, module in convolutions(model) if own_class(module) in PLAIN_OF
    ]
    for _, module in layers:
        to_plain(module)
    detach_(model)
    return [name for name, _ in layers]


def set_band_(model: nn.Module, band: Bands) -> None:
    """Give band-limited layers another band, in place; doing it twice changes nothing more.

    Args:
        model: a model with band-limited layers.
        band: one band for all of them; a dict by layer name; a list with one for each; or a
            function `(name, module) -> Band | None`, None leaving a layer as it is.

    Raises:
        TypeError: model is no module, or an entry no `Band`.
        ValueError: no band-limited layer, an unknown name, a list of another length. Nothing is
            changed then.

    Examples:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3))
        >>> _ = convert_(model, Band(keep=0.5))
        >>> set_band_(model, {"1": Band(keep=0.25)})
        >>> model[0].band, model[1].band
        (Band(keep=0.5), Band(keep=0.25))
    """
    check_model("set_band_", model)
    layers = band_layers(model)
    if not layers:
        raise ValueError(
            f"set_band_: {type(model).__name__} has no band-limited layer: use convert_ first"
        )
    settings = {
        name: replace(layers[name].setting, band=entry)
        for name, entry in _by_name(model, layers, band).items()
    }
    for name, setting in settings.items():
        check_setting(layers[name], f"set_band_: layer {name!r}", setting)
    for name, setting in settings.items():
        layers[name].configure(setting)


def _by_name(
    model: nn.Module, layers: Mapping[str, BandSetting], band: Bands
) -> Mapping[str, Band]:
    if isinstance(band, Band):
        return dict.fromkeys(layers, band)
    if isinstance(band, Mapping):
        first = {layer: name for name, layer in layers.items()}
        # A module that stands in several places answers to each of its names.
        every = dict(model.named_modules(remove_duplicate=False))
        known = {name: first[m] for name, m in every.items() if isinstance(m, BandSetting)}
        for name in band:
            if name not in known:
                hint = meant(name, known) or f"; there are {list(known)}"
                raise ValueError(f"set_band_: no band-limited layer is called {name!r}{hint}")
        return {known[name]: entry for name, entry in band.items()}
    if callable(band):
        answers = {name: band(name, layer) for name, layer in layers.items()}
        return {name: answer for name, answer in answers.items() if answer is not None}
    if isinstance(band, Sequence) and not isinstance(band, str):
        if len(band) != len(layers):
            raise ValueError(
                f"set_band_: {len(layers)} band-limited layers need as many bands; got {len(band)}"
            )
        return dict(zip(layers, band, strict=True))
    raise TypeError(f"set_band_: a Band, dict, list or function is needed; got {band!r}")


def _as_it_is(name: str, module: nn.Module, cls: type[nn.Module]) -> Row:
    """The row of a convolution where no band is given."""
    channels = int(getattr(module, "in_channels", 0))
    if isinstance(module, BandSetting):
        return Row(name, cls.__name__, cls.__name__, module.band.statement, "", channels)
    return Row(name, cls.__name__, cls.__name__, "", "no band is given", channels)


def _reason(
    name: str, module: nn.Module, cls: type[nn.Module], where: Where | None, pointwise: bool
) -> str:
    """Why a convolution is left alone; empty if it is not."""
    if cls not in BAND_OF and cls not in PLAIN_OF:
        lazy = issubclass(cls, LazyModuleMixin)
        kind = "lazy, its shape not known yet" if lazy else "a subclass"
        return f"{cls.__module__}.{cls.__name__} is {kind}"
    if not pointwise and _is_pointwise(module):
        return "kernel size 1 (pointwise=True converts it)"
    if where is not None and not where(name, module):
        return "where() said no"
    if scripted(module):
        raise ValueError(
            f"convert_: {name or 'the model'} is a {cls.__name__} that torch.jit compiled, which "
            "nothing can change any more: put the module in its place that it was made of, or "
            "leave it out by where=lambda name, module: ..."
        )
    return ""


def _is_pointwise(module: nn.Module) -> bool:
    if not scripted(module):
        return all(k == 1 for k in cast("_ConvNd", module).kernel_size)
    weight = module.weight  # a traced module has no kernel_size
    return isinstance(weight, Tensor) and all(k == 1 for k in weight.shape[2:])
