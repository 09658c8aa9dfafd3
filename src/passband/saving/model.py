"""A model to a file, and a model made what a file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from passband.convert.layers import (
    BAND_OF,
    PLAIN_OF,
    check_model,
    convolutions,
    own_class,
    to_band,
    to_plain,
)
from passband.convert.report import ConvertReport, report
from passband.memory.attach import attach_, detach_
from passband.nn.setting import BandSetting, check_setting
from passband.saving.description import Description, describe, plain_type
from passband.saving.file import Saved, StrPath, identity, ordinary, read, write

_NAMED = 3  # names that a message lists


def save(model: nn.Module, path: StrPath, *, architecture: Mapping[str, Any] | None = None) -> None:
    """Write a model to a file: weights, band of each convolution, memory policies.

    `net.safetensors` has everything. `net.json` beside it says the same but for the weights, to be
    read by people and programs. Neither holds code or pickles; both are written in one step each,
    so a crash leaves no half of a file. `load_` is the way back.

    What `freeze_` made the layers keep is not saved, nor is train or eval mode, nor
    `requires_grad`; strides, activations and whatever else the constructor says belong to the
    architecture, which the reader builds.

    Args:
        model: any module with a `state_dict` of tensors; converted or not.
        path: `*.safetensors`, in a directory that exists.
        architecture: how the model is built, for whoever reads the file: any JSON values. See
            `passband.lab.models.architecture` for models of the laboratory.

    Raises:
        ImportError: safetensors is not installed (`pip install "passband[safetensors]"`).
        TypeError: model is no module; its state is not of plain tensors with values alone, as of a
            lazy or sharded module or on the meta device; or the architecture is no JSON.
        ValueError: the path has another ending, or `save` did not write the `net.json` that is
            there.
        OSError: a file cannot be written; the error names it.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from passband import Band, convert_
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        >>> _ = convert_(model, Band(keep=0.25))
        >>> other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        >>> with TemporaryDirectory() as folder:
        ...     save(model, Path(folder, "net.safetensors"))
        ...     _ = load_(other, Path(folder, "net.safetensors"))
        >>> other[0].band, torch.equal(other[0].weight, model[0].weight)
        (Band(keep=0.25), True)
    """
    check_model("save", model)
    write(path, describe(model, architecture), model.state_dict())


def load_(model: nn.Module, path: StrPath) -> ConvertReport:
    """Make a model what was saved: weights, band of each convolution, memory policies, in place.

    Its convolutions are converted, turned back or given another band, as the file says; none is
    frozen. Parameters keep their identity, device and layout; those of another dtype than the
    file's take the file's, and lose their gradient.

    Args:
        model: of the architecture that was saved, as it was built or however converted.
        path: as `save` wrote it. It is read alone, and checked by the SHA-256 in it.

    Returns:
        What each convolution is now.

    Raises:
        ImportError: safetensors is not installed.
        TypeError: model is no module.
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, of a later version, or of another architecture; or the JSON
            beside it, of the same save, was changed. The model is then as it was.

    Examples:
        See `save`.
    """
    check_model("load_", model)
    return restore_(model, read(path), path)


def restore_(model: nn.Module, saved: Saved, path: StrPath) -> ConvertReport:
    """`load_` of what was read; the path is for messages."""
    try:
        _check_layers(model, saved.description)
        _check_state(model, saved.tensors)
        _load_weights(model, saved.tensors)
    except (TypeError, ValueError) as error:
        raise ValueError(f"load_: {path}: {error}") from error
    _make(model, saved.description)
    return report(model)


def _check_layers(model: nn.Module, description: Description) -> None:
    """Refuses another architecture, and what its layers cannot be."""
    layers = dict(convolutions(model))
    _check_names("convolutions", description.layers, layers)
    _check_names("modules", description.memory, dict(model.named_modules()), more=True)
    for name, said in description.layers.items():
        module = layers[name]
        if plain_type(module) != said.type:
            raise ValueError(f"layer {name!r} is a {said.type} in it, here a {plain_type(module)}")
        if said.setting is not None:
            if own_class(module) not in BAND_OF and not isinstance(module, BandSetting):
                raise ValueError(f"layer {name!r} is a {said.type}, which has no band")
            check_setting(module, f"layer {name!r}", said.setting)
        elif isinstance(module, BandSetting) and own_class(module) not in PLAIN_OF:
            raise ValueError(f"layer {name!r} has no band in it, which a {said.type} needs")


def _check_state(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Refuses tensors that are not those of this model, or that it has no place for."""
    state = model.state_dict()
    check_shapes(state, tensors)
    first: dict[object, str] = {}
    for name, value in state.items():
        same = first.setdefault(identity(ordinary(name, value)) or name, name)
        one, other = tensors[name], tensors[same]
        if one is not other and not torch.equal(one, other):
            raise ValueError(f"the model has one tensor for {same!r} and {name!r}, it has two")


def check_shapes(state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Refuses tensors of other names or shapes than a state's.

    Raises:
        ValueError: with the first of them.
    """
    _check_names("tensors", tensors, state)
    for name, mine in state.items():
        if isinstance(mine, Tensor) and not is_lazy(mine) and mine.shape != tensors[name].shape:
            raise ValueError(
                f"tensor {name!r} has shape {tuple(tensors[name].shape)} in it, here "
                f"{tuple(mine.shape)}"
            )


def _check_names(
    what: str, there: Mapping[str, object], here: Mapping[str, object], *, more: bool = False
) -> None:
    """Refuses other names, `more` of the model's excepted."""
    missing = [name for name in here if name not in there and not more]
    unknown = [name for name in there if name not in here]
    if not missing and not unknown:
        return
    told = [
        f"{text} {', '.join(map(repr, names[:_NAMED]))}{', …' if len(names) > _NAMED else ''}"
        for text, names in (("it lacks", missing), ("the model lacks", unknown))
        if names
    ]
    raise ValueError(f"it is of another architecture: of the {what}, {' and '.join(told)}")


def _load_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    own = [(t, tensors[name]) for name, t in model.state_dict(keep_vars=True).items()]
    with _restored_on_error([t for t, _ in own]):
        try:
            for mine, wanted in own:
                if mine.dtype != wanted.dtype:
                    mine.grad = None
                    mine.data = torch.empty_like(mine.data, dtype=wanted.dtype)
            model.load_state_dict(dict(tensors))
        except RuntimeError as error:
            raise ValueError(f"the model does not take its tensors: {error}") from error


@contextmanager
def _restored_on_error(tensors: list[Tensor]) -> Iterator[None]:
    """A scope that an error leaves with the tensors as they were."""
    before = [(t, t.data, t.data.clone(), t.grad) for t in tensors]
    try:
        yield
    except BaseException:
        for t, data, values, grad in before:
            t.data = data.copy_(values)
            t.grad = grad
        raise


def _make(model: nn.Module, description: Description) -> None:
    """Surgery, of which nothing can fail any more."""
    for name, module in list(convolutions(model)):
        setting = description.layers[name].setting
        if setting is not None:
            to_band(module, setting)
            assert isinstance(module, BandSetting)
            module.unfreeze()
        elif isinstance(module, BandSetting):
            to_plain(module)
    detach_(model)
    modules = dict(model.named_modules())
    for name, policy in description.memory.items():  # those around come before those within
        if policy is None:
            detach_(modules[name])
        else:
            attach_(modules[name], policy)
