"""Which layers of a model are what, and how one changes its class in place."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

from passband import nn as band_nn
from passband.nn.setting import BandSetting, Setting

BAND_OF: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: band_nn.BandConv1d,
    nn.Conv2d: band_nn.BandConv2d,
    nn.Conv3d: band_nn.BandConv3d,
    nn.ConvTranspose1d: band_nn.BandConvTranspose1d,
    nn.ConvTranspose2d: band_nn.BandConvTranspose2d,
    nn.ConvTranspose3d: band_nn.BandConvTranspose3d,
}
PLAIN_OF = {band: plain for plain, band in BAND_OF.items()}
_BY_NAME = {plain.__name__: plain for plain in BAND_OF}


def check_model(name: str, model: object) -> nn.Module:
    """A module.

    Raises:
        TypeError: anything else.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"{name}: the model is a torch.nn.Module; got {type(model).__name__}")
    return model


def convolutions(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every convolution, scripted or not, each once, under its first name."""
    for name, module in model.named_modules():
        if isinstance(module, _ConvNd) or (scripted(module) and _script_name(module) in _BY_NAME):
            yield name, module


def scripted(module: nn.Module) -> bool:
    """Whether `torch.jit.script` or `trace` made it: its computation cannot be changed."""
    return isinstance(module, torch.jit.ScriptModule)


def _script_name(module: nn.Module) -> str:
    return str(getattr(module, "original_name", ""))


def band_layers(model: nn.Module) -> dict[str, BandSetting]:
    """Every band-limited layer, by name."""
    return {name: m for name, m in convolutions(model) if isinstance(m, BandSetting)}


def own_class(module: nn.Module) -> type[nn.Module]:
    """The class as written: that of a parametrised or scripted module is made up by PyTorch."""
    cls = type(module)
    if scripted(module):
        return _BY_NAME.get(_script_name(module), cls)
    return cls.__bases__[0] if parametrize.is_parametrized(module) else cls


def change_class(module: nn.Module, cls: type[nn.Module]) -> None:
    """Make the module one of another class: parameters, hooks and identity stay as they are."""
    current = type(module)
    if parametrize.is_parametrized(module):
        # The properties of the parametrised tensors live on the made-up class.
        made_up = {k: v for k, v in vars(current).items() if k not in ("__dict__", "__weakref__")}
        cls = type(f"Parametrized{cls.__name__}", (cls,), made_up)
    module.__class__ = cls


def to_band(module: nn.Module, setting: Setting) -> None:
    """Make a convolution band-limited, or one that is so already another."""
    cls = own_class(module)
    if cls in BAND_OF:
        change_class(module, BAND_OF[cls])
    assert isinstance(module, BandSetting)
    module.configure(setting)


def to_plain(module: nn.Module) -> None:
    """Make a band-limited convolution the ordinary one again."""
    assert isinstance(module, BandSetting)
    module.unconfigure()
    change_class(module, PLAIN_OF[own_class(module)])
