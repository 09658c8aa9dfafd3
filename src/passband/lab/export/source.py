"""The model that is exported, whether it is a name, a run or a file."""

import errno
import os
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import passband as pb
from passband.convert.layers import band_layers
from passband.lab import models
from passband.lab.models.saved import load_built
from passband.lab.training import MODEL
from passband.saving.file import SUFFIX

_CLASSES = 10


@dataclass(frozen=True)
class Source:
    """A model at its bands.

    Attributes:
        model: In eval mode.
        input_shape: Channels and sizes of a map.
        stem: Where its program goes, but for the ending.
    """

    model: nn.Module
    input_shape: tuple[int, ...]
    stem: Path


def source(options: Namespace) -> Source:
    """What ``MODEL``, ``--keep`` and their like say.

    Raises:
        TypeError, ValueError: The model is unknown, does not take such maps, or its bands are not
            fixed.
        ImportError, OSError: It does not import, or a file is missing.
    """
    path = Path(options.model)
    is_file = options.model not in models.available() and _is_file(path)
    found = _saved(options, path) if is_file else _fresh(options)
    if options.keep is not None:
        _set_keep(found.model, options)
    loose = {name: one.band for name, one in band_layers(found.model).items() if one.band.energy}
    if loose:
        name, band = next(iter(loose.items()))
        raise ValueError(
            f"a program has fixed bands, and layer {name!r} has {band}: give --keep, or fix them "
            "with passband.calibrate_"
        )
    return Source(found.model.eval(), found.input_shape, found.stem)


def _is_file(path: Path) -> bool:
    """Whether a word means a file, that is there or not, and no model's name or import path."""
    return path.exists() or len(path.parts) > 1 or (bool(path.suffix) and ":" not in path.name)


def _saved(options: Namespace, path: Path) -> Source:
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if path.is_file() and path.suffix != SUFFIX:
        raise ValueError(f"{path} is neither a run directory nor a saved net{SUFFIX}")
    if options.options:
        raise ValueError(f"options are of a model with fresh weights; got {options.options!r}")
    file = path / MODEL if path.is_dir() else path
    if not file.exists() and path.is_dir():
        raise ValueError(
            f"{path} holds no {MODEL}, which a training leaves at its end: finish it with "
            "passband train ... --resume"
        )
    model, built = load_built(file, allow_imports=options.allow_imports)
    return Source(model, options.input_shape or built.input_shape, file.with_suffix(""))


def _fresh(options: Namespace) -> Source:
    torch.manual_seed(0)
    name = options.model
    shape = options.input_shape or models.sample_shape(name)
    axes = models.dims(name)
    if axes not in (None, len(shape) - 1):
        raise ValueError(f"model {name!r} is for maps of {axes} axes; got {shape}")
    told = dict(options.options or ())
    if "image_size" in models.options(name):
        told = {"image_size": shape[1:], **told}
    model = models.Architecture(name, _CLASSES, shape, told).build()
    return Source(model, shape, Path(name.rpartition(":")[2]))


def _set_keep(model: nn.Module, options: Namespace) -> None:
    layers = band_layers(model)
    if layers:
        bands = {
            name: pb.Band(keep=options.keep, fft_size=layer.band.fft_size)
            for name, layer in layers.items()
        }
        pb.set_band_(model, bands)
    elif not pb.convert_(model, pb.Band(keep=options.keep)).converted:
        raise ValueError(
            f"model {options.model!r} has no convolution of maps to convert; got --keep "
            f"{options.keep}"
        )
