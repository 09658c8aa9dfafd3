"""A run directory and the one run that it belongs to."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from passband.lab import checkpoint, config, results
from passband.lab.files import make_writable, read_yaml, write_yaml

# What a config says that was written before it could say so.
_DEFAULTS = {
    field.name: field.default
    for field in fields(config.TrainConfig)
    if field.default is not MISSING
}


def claim(directory: Path, wanted: Mapping[str, Any], *, again: bool, free: int = 0) -> None:
    """Makes a directory this run's own, or finds that it already is.

    Args:
        directory: The run directory.
        wanted: The run's config, as it is stored.
        again: Whether the directory may already hold something of this very run.
        free: Bytes that the run will need there.

    Raises:
        FileExistsError: It holds the results of another run, or of this one unless ``again``.
        OSError: It cannot be written or is full.
    """
    make_writable(directory, free=free)
    produced = [
        name for name in (results.FILE_NAME, checkpoint.FILE_NAME) if (directory / name).exists()
    ]
    if (directory / config.FILE_NAME).exists():
        if different := differences(read_yaml(directory / config.FILE_NAME), wanted):
            raise FileExistsError(
                f"{directory} already holds another run ({'; '.join(different)}): "
                "choose another directory"
            )
        if produced and not again:
            raise FileExistsError(
                f"{directory} already holds this run ({produced[0]}): "
                "resume it or choose another directory"
            )
    elif produced:
        raise FileExistsError(
            f"{directory} holds {produced[0]} without {config.FILE_NAME}: choose another directory"
        )
    write_yaml(directory / config.FILE_NAME, wanted)


def differences(there: object, here: object, name: str = "") -> list[str]:
    """Where two stored configs describe different results; where they compute may differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys = [key for key in {**there, **here} if key not in config.PLACE]
        return [
            text
            for key in keys
            for text in differences(
                there.get(key, _DEFAULTS.get(key)),
                here.get(key, _DEFAULTS.get(key)),
                f"{name}.{key}" if name else str(key),
            )
        ]
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return [
            text
            for index, pair in enumerate(zip(there, here, strict=True))
            for text in differences(*pair, f"{name}[{index}]")
        ]
    return [] if there == here else [f"{name} is {there!r} there and {here!r} here"]
