"""Models that are not the laboratory's: by import path, or by their name in a library."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from passband.lab.importing import load_object

_GIVEN = ("num_classes", "in_channels")
_RGB = 3
Builder = Callable[..., Any]


def is_path(name: str) -> bool:
    """Whether a name is the path of a model: no name of the laboratory's has a colon."""
    return ":" in name


def options_of(path: str) -> dict[str, object]:
    """The options of a model and their defaults: what its function takes beside the sizes.

    Raises:
        ImportError: its module is missing or does not import.
        ValueError: there is no such function.
    """
    if path.startswith("timm:"):
        return {}
    parameters = inspect.signature(_function(path)).parameters.values()
    return {
        p.name: p.default for p in parameters if p.default is not p.empty and p.name not in _GIVEN
    }


def create(path: str, num_classes: int, in_channels: int, given: Mapping[str, object]) -> nn.Module:
    """Builds the model that a path names.

    Args:
        path: `package.module:function`, of a function or class that is called with `num_classes=`
            and `in_channels=` if its signature names them; `num_classes=` also if it takes any
            keyword, as torchvision's do. Or `torchvision:NAME`, a function of
            `torchvision.models`, which takes images of 3 channels; or `timm:NAME`, as in
            `timm.create_model`.
        num_classes: how many logits it returns.
        in_channels: channels of the maps it takes.
        given: its further arguments.

    Raises:
        ImportError: its module is missing or does not import.
        ValueError: there is no such function, it needs other arguments, or takes other maps.
        TypeError: it returns no module.
    """
    library, _, name = path.partition(":")
    if library == "timm":
        model = _of_timm(name, num_classes, in_channels)
    else:
        if library == "torchvision" and in_channels != _RGB:
            raise ValueError(
                f"{path!r} takes images of {_RGB} channels; got {in_channels} (a function of yours "
                f"can change its first layer: package.module:function)"
            )
        function = _function(path)
        arguments = {**_sizes(function, num_classes, in_channels), **given}
        try:
            inspect.signature(function).bind(**arguments)
        except TypeError as error:
            raise ValueError(
                f"{path!r} cannot be called with {', '.join(arguments) or 'no arguments'}: {error}"
            ) from error
        model = function(**arguments)
    if not isinstance(model, nn.Module):
        raise TypeError(f"{path!r} returns an nn.Module; got {type(model).__name__}")
    return model


def _function(path: str) -> Builder:
    library, _, name = path.partition(":")
    found = load_object(f"torchvision.models:{name}" if library == "torchvision" else path)
    if not callable(found):
        raise ValueError(f"{path!r} names a function or class; got a {type(found).__name__}")
    return found


def _sizes(function: Builder, num_classes: int, in_channels: int) -> dict[str, object]:
    parameters = inspect.signature(function).parameters
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    sizes: dict[str, object] = {}
    if "num_classes" in parameters or any_keyword:
        sizes["num_classes"] = num_classes
    if "in_channels" in parameters:
        sizes["in_channels"] = in_channels
    return sizes


def _of_timm(name: str, num_classes: int, in_channels: int) -> object:
    create_model: Any = load_object("timm:create_model")
    is_model: Any = load_object("timm:is_model")
    if not is_model(name):
        raise ValueError(f"timm has no model {name!r}: see timm.list_models()")
    return create_model(name, num_classes=num_classes, in_chans=in_channels)
