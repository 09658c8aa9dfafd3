"""Which models there are, by name. To add one, write what builds it and name it here.

What holds of these names holds as well of the path of a model (see `create_model`), of which is
known no more than that it is plain and returns a logit for each class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from torch import nn

from passband.lab.models import by_path
from passband.lab.models.alexnet import alexnet
from passband.lab.models.cnn3d import cnn3d
from passband.lab.models.densenet import densenet, densenet_icml
from passband.lab.models.densenet_table1 import densenet_table1
from passband.lab.models.fcn import fcn
from passband.lab.models.inceptiontime import inceptiontime
from passband.lab.models.lenet5 import lenet5
from passband.lab.models.mobilenet import mobilenet
from passband.lab.models.resnet import resnet18, resnet18_icml, resnet20, resnet50
from passband.lab.models.resnet1d import resnet1d
from passband.lab.models.spectral.alexnet import spec_alexnet
from passband.lab.models.spectral.densenet import spec_densenet
from passband.lab.models.spectral.lenet5 import spec_lenet5
from passband.lab.models.spectral.vgg import spec_vgg16
from passband.lab.models.unet import UNet
from passband.lab.models.vgg import vgg16
from passband.spelling import meant


def _with_norm(build: Callable[..., nn.Module], **more: object) -> Callable[..., nn.Module]:
    """With spectral batch norm, which the paper has not, so that beta is relative; no activation.

    A threshold is an activation of spectra itself. A second one, of real and imaginary parts, costs
    accuracy (docs/papers/specnet.md).
    """
    return partial(build, norm=True, beta=0.5, activation="identity", **more)


class _Entry(NamedTuple):
    # Takes num_classes and in_channels; its further arguments, all with a default, are options.
    build: Callable[..., nn.Module]
    dims: int
    per_pixel: bool = False
    plain: str | None = None  # of a spectral network, the one that it is compared with


_MODELS: Mapping[str, _Entry] = {
    "lenet5": _Entry(lenet5, dims=2),
    "fcn": _Entry(fcn, dims=1),
    "resnet18": _Entry(resnet18, dims=2),
    "resnet18_icml": _Entry(resnet18_icml, dims=2),
    "resnet20": _Entry(resnet20, dims=2),
    "resnet50": _Entry(resnet50, dims=2),
    "resnet1d": _Entry(resnet1d, dims=1),
    "inceptiontime": _Entry(inceptiontime, dims=1),
    "cnn3d": _Entry(cnn3d, dims=3),
    "vgg16": _Entry(vgg16, dims=2),
    "densenet": _Entry(densenet, dims=2),
    "densenet_icml": _Entry(densenet_icml, dims=2),
    "mobilenet": _Entry(mobilenet, dims=2),
    "unet": _Entry(UNet, dims=2, per_pixel=True),
    "alexnet": _Entry(alexnet, dims=2),
    "densenet_table1": _Entry(densenet_table1, dims=2),
    "spec_lenet5": _Entry(spec_lenet5, dims=2, plain="lenet5"),
    "spec_alexnet": _Entry(spec_alexnet, dims=2, plain="alexnet"),
    "spec_vgg16": _Entry(spec_vgg16, dims=2, plain="vgg16"),
    "spec_densenet": _Entry(spec_densenet, dims=2, plain="densenet_table1"),
    "spec_lenet5_bn": _Entry(_with_norm(spec_lenet5), dims=2, plain="lenet5"),
    "spec_alexnet_bn": _Entry(_with_norm(spec_alexnet), dims=2, plain="alexnet"),
    "spec_vgg16_bn": _Entry(_with_norm(spec_vgg16), dims=2, plain="vgg16"),
    "spec_densenet_bn": _Entry(
        _with_norm(spec_densenet, global_pool="max"), dims=2, plain="densenet_table1"
    ),
}
_NO_OPTIONS = ("num_classes", "in_channels", "norm")  # the last goes with the name


def available() -> tuple[str, ...]:
    """The names that `create_model` knows."""
    return tuple(_MODELS)


def dims(name: str) -> int | None:
    """The axes of the maps that a model takes: 1 for series, 2 for images, 3 for volumes.

    None if it is given by its path, and so is not known.

    Raises:
        ValueError: there is no such model.
    """
    return None if _is_path(name) else _entry(name).dims


def per_pixel(name: str) -> bool:
    """Whether a model returns logits for each pixel, `(N, num_classes, *space)`.

    Raises:
        ValueError: there is no such model.
    """
    return not _is_path(name) and _entry(name).per_pixel


def is_spectral(name: str) -> bool:
    """Whether a model computes convolutions and activations in the spectrum (SpecNet).

    Raises:
        ValueError: there is no such model.
    """
    return not _is_path(name) and _entry(name).plain is not None


def plain_form(name: str) -> str:
    """The plain network that a spectral one is compared with; a plain one's own name.

    Raises:
        ValueError: there is no such model.

    Example:
        >>> plain_form("spec_vgg16_bn")
        'vgg16'
    """
    return name if _is_path(name) else _entry(name).plain or name


def options(name: str) -> dict[str, object]:
    """The options of a model and their defaults.

    Raises:
        ValueError: there is no such model.
        ImportError: it is given by its path, and its module does not import.

    Example:
        >>> options("lenet5")
        {'image_size': 28, 'width': 1, 'padding_mode': 'zeros'}
    """
    if _is_path(name):
        return by_path.options_of(name)
    parameters = inspect.signature(_entry(name).build).parameters
    return {key: p.default for key, p in parameters.items() if key not in _NO_OPTIONS}


def create_model(name: str, *, num_classes: int, in_channels: int, **given: object) -> nn.Module:
    """Builds a model with fresh random weights, on torch's default device and dtype.

    Args:
        name: one of `available()`, or the path of a model of yours, `package.module:function`
            (see `passband.lab.models.by_path.create`), or `torchvision:NAME` or `timm:NAME`.
        num_classes: how many logits it returns, `(N, num_classes)`, or as many for each pixel, see
            `per_pixel`.
        in_channels: channels of the maps it takes, `(N, in_channels, *space)`.
        **given: options of this model, see `options`.

    Raises:
        ValueError: the name is unknown, or a number is out of range.
        TypeError: an option is unknown, or an argument is of the wrong type.
        ImportError: the module that a path names is missing or does not import.

    Example:
        >>> model = create_model("lenet5", num_classes=10, in_channels=1)
        >>> sum(p.numel() for p in model.parameters())
        61706
    """
    for key in given:
        if key not in options(name):
            allowed = ", ".join(options(name)) or "no options"
            raise TypeError(
                f"{name} has no option {key!r}; it takes {allowed}{meant(key, options(name))}"
            )
    if _is_path(name):
        return by_path.create(name, num_classes, in_channels, given)
    return _entry(name).build(num_classes, in_channels, **given)


def _is_path(name: str) -> bool:
    return isinstance(name, str) and by_path.is_path(name)


def create_as_told(name: str, *, num_classes: int, in_channels: int, **given: object) -> nn.Module:
    """`create_model` of options that a user typed: a wrong one is a `ValueError`, too."""
    try:
        return create_model(name, num_classes=num_classes, in_channels=in_channels, **given)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _entry(name: str) -> _Entry:
    if not isinstance(name, str):
        raise TypeError(f"the name of a model is a str; got {name!r}")
    if name not in _MODELS:
        raise ValueError(
            f"unknown model {name!r}: there is {', '.join(_MODELS)}, and yours "
            f"as package.module:function{meant(name, _MODELS)}"
        )
    return _MODELS[name]
