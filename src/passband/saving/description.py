"""What passband made of a model, as plain data: bands of its convolutions, memory policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

import passband
from passband.band import Band
from passband.convert.layers import PLAIN_OF, convolutions, own_class
from passband.memory.attach import policy_of
from passband.memory.policy import MemoryPolicy
from passband.nn.setting import BandSetting, Setting

VERSION = 1
_ENTRIES = ("layers", "memory", "architecture")


@dataclass(frozen=True)
class Convolution:
    """One convolution of a model.

    Attributes:
        type: class of the ordinary layer, as `"Conv2d"`.
        setting: None where it is not band-limited.
    """

    type: str
    setting: Setting | None


@dataclass(frozen=True)
class Description:
    """What was made of a model.

    Attributes:
        layers: each convolution by its name.
        memory: policies by the name of the module that they hold for, and for all in it that has
            none of its own here; None where there is no policy within one that has.
        architecture: how whoever saved it builds the model, if he said; nothing here reads it.
    """

    layers: Mapping[str, Convolution]
    memory: Mapping[str, MemoryPolicy | None]
    architecture: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form with a version, the inverse of `from_dict`."""
        return {
            "version": VERSION,
            "passband": passband.__version__,
            "layers": {name: _written(one) for name, one in self.layers.items()},
            "memory": {name: one and asdict(one) for name, one in self.memory.items()},
            "architecture": self.architecture,
        }

    @classmethod
    def from_dict(cls, said: object) -> Description:
        """What `to_dict` wrote.

        Raises:
            ValueError: it is anything else, or of a later version.
        """
        entries = dict(_mapping("a description", said))
        version, release = entries.pop("version", None), entries.pop("passband", None)
        if type(version) is not int or version != VERSION:
            raise ValueError(
                f"passband {passband.__version__} reads version {VERSION}; this is version "
                f"{version!r:.40}, of passband {release!r:.40}"
            )
        _check_entries("a description", entries, _ENTRIES)
        layers = _mapping("layers", entries["layers"])
        memory = _mapping("memory", entries["memory"])
        architecture = entries["architecture"]
        return cls(
            {name: _layer(name, one) for name, one in layers.items()},
            {name: _policy(name, one) for name, one in memory.items()},
            None if architecture is None else _mapping("architecture", architecture),
        )


def describe(model: nn.Module, architecture: Mapping[str, Any] | None = None) -> Description:
    """What passband made of a model.

    Args:
        model: any module.
        architecture: as in `Description`.
    """
    layers = {
        name: Convolution(
            plain_type(module), module.setting if isinstance(module, BandSetting) else None
        )
        for name, module in convolutions(model)
    }
    return Description(layers, _policies(model), architecture)


def plain_type(module: nn.Module) -> str:
    """The class of a convolution, or of the ordinary one that it was made of."""
    cls = own_class(module)
    return PLAIN_OF.get(cls, cls).__name__


def _policies(model: nn.Module) -> dict[str, MemoryPolicy | None]:
    """Where another policy begins to hold than that of the module around."""
    holds: dict[str, MemoryPolicy | None] = {}
    begins: dict[str, MemoryPolicy | None] = {}
    for name, module in model.named_modules():
        around = holds.get(name.rpartition(".")[0]) if name else None
        own = policy_of(module)
        if own is None and (_is_leaf(module) or isinstance(module, torch.jit.ScriptModule)):
            own = around
        holds[name] = own
        if own != around:
            begins[name] = own
    return begins


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _written(one: Convolution) -> dict[str, Any]:
    setting = one.setting
    if setting is None:
        return {"type": one.type}
    return {
        "type": one.type, "band": setting.band.to_dict(), "plan": setting.plan,
        "stride_mode": setting.stride_mode,
    }  # fmt: skip


def _layer(name: str, said: object) -> Convolution:
    where = f"layer {name!r}"
    entries = _mapping(where, said)
    banded = set(entries) != {"type"}
    _check_entries(where, entries, ("type", "band", "plan", "stride_mode") if banded else ("type",))
    for key in set(entries) - {"band"}:
        if not isinstance(entries[key], str):
            raise ValueError(f"{where}: {key} is a text; got {entries[key]!r:.40}")
    if not banded:
        return Convolution(entries["type"], None)
    try:
        band = Band.from_dict(entries["band"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error
    return Convolution(entries["type"], Setting(band, entries["plan"], entries["stride_mode"]))


def _policy(name: str, said: object) -> MemoryPolicy | None:
    if said is None:
        return None
    where = f"memory policy of {name or 'the model'!r}"
    try:
        return MemoryPolicy(**_mapping(where, said))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def _mapping(where: str, said: object) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise ValueError(f"{where} is a JSON object; got {said!r:.40}")
    return said


def _check_entries(where: str, entries: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if set(entries) != set(known):
        raise ValueError(f"{where} has the entries {', '.join(known)}; got {[*entries]!r:.200}")
