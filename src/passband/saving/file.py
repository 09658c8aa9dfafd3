"""The file of a model: tensors and description in one, and the description beside it as JSON."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from passband.atomic import write_atomic
from passband.saving.description import Description

SUFFIX = ".safetensors"
_OURS = {"passband", "layers", "sha256"}  # entries of a JSON that `write` has written
_KEY = "passband"  # the only one of the file's metadata, whose order safetensors leaves to chance
StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Saved:
    """What a file holds.

    Attributes:
        description: what was made of the model.
        tensors: its `state_dict`, on the CPU.
    """

    description: Description
    tensors: Mapping[str, Tensor]


def write(path: StrPath, description: Description, tensors: Mapping[str, Any]) -> None:
    """Writes a model's file, and then the JSON beside it, each whole or not at all.

    The file is complete in itself, and has the SHA-256 of all that it holds. The JSON says the same
    for people and programs, but for the tensors.

    Args:
        path: of the file, `*.safetensors`; its directory exists.
        description: what was made of the model.
        tensors: its `state_dict`. Of those that are one and the same in memory (tied weights) one
            is written.

    Raises:
        ImportError: safetensors is not installed.
        TypeError: the state is not of plain tensors alone, or the architecture is no JSON.
        ValueError: the path has another ending, or the JSON would overwrite one that `write` has
            not written.
        OSError: a file cannot be written; the error names it.
    """
    target = checked(path)
    library = _library()
    beside = _beside(target)
    if beside.exists() and not _lenient(beside).keys() >= _OURS:
        raise ValueError(
            f"save: {beside} is not of a saved model, and would be overwritten: give another name "
            f"than {target.name}, or move it away"
        )
    try:
        kept, tied = _distinct(tensors)
    except TypeError as error:
        raise TypeError(f"save: {error}") from error
    config = description.to_dict() | {"tied": tied}
    try:
        config = json.loads(json.dumps(config, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise TypeError(f"save: the architecture is what JSON can say: {error}") from error
    try:
        config["sha256"] = digest(config, kept)
        content = library.torch.save(kept, {_KEY: json.dumps(config)})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"save: safetensors cannot hold the state of this model: {error}"
        ) from error
    write_atomic(target, content)
    write_atomic(beside, json.dumps(config, indent=2) + "\n")


def digest(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of what a file holds, whatever the order of its tensors.

    Args:
        config: its description, as JSON gives it back.
        tensors: dense, contiguous ones.
    """
    found = hashlib.sha256(json.dumps(config).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(json.dumps([name, str(tensor.dtype), [*tensor.shape]]).encode())
        found.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def read(path: StrPath) -> Saved:
    """Reads a model's file.

    A JSON beside it that is of another save, as a crash between both leaves it, is no obstacle; one
    of the same save that was changed is, so that nobody takes it for what is read.

    Raises:
        ImportError: safetensors is not installed.
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, of another program or a later version, or the JSON was changed;
            the message names the file.
    """
    target = checked(path)
    library = _library()
    if not target.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target))
    try:
        with library.safe_open(target, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if text is None:
            raise ValueError("it was not written by passband.save, and says no bands")
        config = _parsed(text)
        sha256 = config.pop("sha256", None)
        description = Description.from_dict({k: v for k, v in config.items() if k != "tied"})
        if sha256 != digest(config, tensors):
            raise ValueError("it is damaged: its SHA-256 is not that of what it holds")
        _check_beside(target, {**config, "sha256": sha256})
        return Saved(description, _with_tied(tensors, config.get("tied")))
    except (library.SafetensorError, ValueError, RecursionError) as error:
        raise ValueError(f"{target}: {error}") from error


def checked(path: StrPath) -> Path:
    """A path of a model's file.

    Raises:
        ValueError: it has another ending.
    """
    if Path(path).suffix != SUFFIX:
        raise ValueError(f"a saved model is a file net{SUFFIX}; got {str(path)!r}")
    return Path(path)


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def _check_beside(path: Path, config: Mapping[str, Any]) -> None:
    beside = _beside(path)
    said = _lenient(beside) if beside.is_file() else {}
    if said.get("sha256") == config["sha256"] and said != config:
        raise ValueError(
            f"{beside.name} was changed, and is not what is read: save again, or remove "
            f"{beside.name}, which is not needed"
        )


def _lenient(path: Path) -> dict[str, Any]:
    """What a file of JSON says; nothing where it is no JSON object."""
    try:
        return _parsed(path.read_bytes())
    except ValueError:
        return {}


def _parsed(text: str | bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ValueError: it is anything else.
    """
    try:
        said = json.loads(text)
    except RecursionError:
        said = None
    if not isinstance(said, dict):
        raise ValueError(f"a JSON object is expected; got {text[:40]!r}")
    return said


def _distinct(tensors: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors, each a storage of its own, and the names that mean one under another name."""
    kept: dict[str, Tensor] = {}
    tied: dict[str, str] = {}
    first: dict[object, str] = {}
    storages = set()
    for name, value in tensors.items():
        tensor = ordinary(name, value)
        same = first.setdefault(identity(tensor) or name, name)
        if same != name:
            tied[name] = same
            continue
        storage = tensor.untyped_storage().data_ptr()
        # A part of a storage that another tensor has a part of, too.
        kept[name] = tensor.clone() if storage in storages else tensor.contiguous()
        storages.add(storage)
    return kept, tied


def identity(tensor: Tensor) -> object:
    """Equal for tensors that are one and the same in memory; None for one without elements."""
    if not tensor.numel():
        return None
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.device


def ordinary(name: str, value: object) -> Tensor:
    """A tensor of a state as files hold it: dense, with values here, of no class of its own.

    Raises:
        TypeError: it is another, or none.
    """
    if type(value) not in (Tensor, torch.nn.Parameter):
        raise TypeError(f"a state is of plain tensors; got a {type(value).__name__} at {name!r}")
    assert isinstance(value, Tensor)
    if value.is_meta or value.layout != torch.strided:
        raise TypeError(
            f"a state is of dense tensors with values; got one on {value.device} of layout "
            f"{value.layout} at {name!r}"
        )
    return value.detach()


def _with_tied(tensors: dict[str, Tensor], tied: object) -> dict[str, Tensor]:
    whole = dict(tensors)
    for name, same in tied.items() if isinstance(tied, dict) else [("", tied)]:
        if not isinstance(same, str) or same not in tensors or name in tensors:
            raise ValueError(f"tied names are of tensors that have another; got {tied!r:.200}")
        whole[name] = tensors[same]
    return whole


def _library() -> Any:
    try:
        import numpy as numpy  # by which safetensors writes
        import safetensors.torch
    except ModuleNotFoundError as error:
        raise ImportError(
            f"passband.save and load_ need {error.name}: pip install 'passband[safetensors]'"
        ) from error
    return safetensors
