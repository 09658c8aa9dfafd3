"""Models of the laboratory in files: how they are built, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from passband.lab.checks import check_count, check_text
from passband.lab.models.by_path import is_path
from passband.lab.models.registry import create_as_told
from passband.saving.file import Saved, StrPath, read
from passband.saving.model import check_shapes, restore_


@dataclass(frozen=True)
class Architecture:
    """How a model is built; what ``passband.save`` is given of it is ``to_dict()``.

    Attributes:
        name: As in ``create_model``.
        num_classes: Logits.
        input_shape: Channels and sizes of the maps that it was made for.
        options: Of the model, as far as they are not the defaults.
    """

    name: str
    num_classes: int
    input_shape: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """The model with fresh random weights.

        Raises:
            ValueError: It is unknown, or an option is unknown or out of range.
            ImportError: Its module does not import.
        """
        return create_as_told(
            self.name, num_classes=self.num_classes, in_channels=self.input_shape[0],
            **dict(self.options),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, the inverse of ``from_dict``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Architecture:
        """What ``to_dict`` wrote.

        Raises:
            TypeError, ValueError: It is anything else.
        """
        if set(said) != {"name", "num_classes", "input_shape", "options"}:
            raise ValueError(f"it is not an architecture of the laboratory's: {dict(said)!r:.200}")
        check_text("the name of the model", said["name"])
        check_count("num_classes", said["num_classes"])
        shape, options = said["input_shape"], said["options"]
        if not isinstance(shape, list) or len(shape) < 2 or not isinstance(options, Mapping):
            raise ValueError(f"an input shape is a list, and options are named; got {said!r:.200}")
        for size in shape:
            check_count("a size of input_shape", size)
        return cls(said["name"], said["num_classes"], tuple(shape), options)


def load_model(path: StrPath, *, allow_imports: bool = False) -> nn.Module:
    """Builds the model that a file says, and makes it what was saved, in eval mode.

    Args:
        path: As ``passband.save`` wrote it, given an ``Architecture``'s ``to_dict()``: for
            instance a run's ``model.safetensors``.
        allow_imports: Whether to import and run what the file names by path, as a model of yours.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, says no architecture, or one that cannot be built or is not that
            of its weights; or it names code, without ``allow_imports``.
        ImportError: The model's module does not import.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import passband as pb
        >>> lenet = Architecture("lenet5", num_classes=10, input_shape=(1, 28, 28))
        >>> model = lenet.build()
        >>> _ = pb.convert_(model, pb.Band(keep=0.25))
        >>> with TemporaryDirectory() as folder:
        ...     pb.save(model, Path(folder, "net.safetensors"), architecture=lenet.to_dict())
        ...     again = load_model(Path(folder, "net.safetensors"))
        >>> again.conv1.band
        Band(keep=0.25)
    """
    return load_built(path, allow_imports=allow_imports)[0]


def load_built(path: StrPath, *, allow_imports: bool = False) -> tuple[nn.Module, Architecture]:
    """The model, and how it was built; arguments and errors are those of ``load_model``."""
    saved = read(path)
    built = _architecture(path, saved, allow_imports=allow_imports)
    if not is_path(built.name):
        _check_sizes(path, saved, built)
    model = built.build()
    restore_(model, saved, path)
    return model.eval(), built


def _check_sizes(path: StrPath, saved: Saved, built: Architecture) -> None:
    """Refuses what does not fit the weights before it takes memory: a damaged file may say much."""
    try:
        with torch.device("meta"):
            state = built.build().state_dict()
        check_shapes(state, saved.tensors)
    except (ValueError, RuntimeError, OverflowError, MemoryError) as error:
        raise ValueError(
            f"{path}: {built.name} cannot be built for its weights: {error}"
        ) from error


def _architecture(path: StrPath, saved: Saved, *, allow_imports: bool) -> Architecture:
    said = saved.description.architecture
    if said is None:
        raise ValueError(
            f"{path} says no architecture: load it with passband.load_(model, path), or save it "
            "with passband.save(model, path, architecture=...)"
        )
    try:
        found = Architecture.from_dict(said)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    if is_path(found.name) and not allow_imports:
        raise ValueError(
            f"{path} names code to run ({found.name}): read that code, then say --allow-imports "
            "(in Python allow_imports=True)"
        )
    return found
