"""A run directory and the one run that it belongs to."""

import errno
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from passband.atomic import remove_parts
from passband.lab import checkpoint, config, results
from passband.lab.files import make_writable, read_yaml, write_yaml
from passband.lab.processes import is_first

try:
    import fcntl
except ModuleNotFoundError:  # Windows: there two writers are not told apart
    fcntl = None  # type: ignore[assignment]

PATIENCE = 5.0  # seconds: helpers of a killed process take a moment to see that it is gone

# What a config says that was written before it could say so.
_DEFAULTS = {
    field.name: field.default
    for field in fields(config.TrainConfig)
    if field.default is not MISSING
}


@contextmanager
def only_writer(directory: Path) -> Iterator[None]:
    """A scope in which no other process is in such a scope of the same directory.

    However the process ends, the directory is free again.

    Raises:
        OSError: Another process is in it, or the directory cannot be written.
    """
    if fcntl is None or not is_first():
        yield
        return
    new = not directory.exists()
    make_writable(directory)
    handle = os.open(directory, os.O_RDONLY)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise BlockingIOError(
                    errno.EWOULDBLOCK, "another process is writing to it", str(directory)
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)
        if new and not any(directory.iterdir()):  # what could not begin leaves nothing
            directory.rmdir()


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
    remove_parts(directory / checkpoint.FILE_NAME)  # of a killed run, as large as the checkpoint
    make_writable(directory, free=free)
    produced = [
        name for name in (results.FILE_NAME, checkpoint.FILE_NAME) if (directory / name).exists()
    ]
    if (directory / config.FILE_NAME).exists():
        ended_early = not produced and "study" not in wanted
        begun = ", or delete this one, which has no results" if ended_early else ""
        there = read_yaml(directory / config.FILE_NAME)
        if there.get("study") != wanted.get("study"):
            raise FileExistsError(
                f"{directory} already holds {_kind(there)}, and this is {_kind(wanted)}: choose "
                "another directory"
            )
        if different := differences(there, wanted):
            raise FileExistsError(
                f"{directory} already holds another run ({'; '.join(different)}): "
                f"choose another directory{begun}"
            )
        if produced and not again:
            raise FileExistsError(
                f"{directory} already holds this run ({produced[0]}): "
                "resume it (--resume) or choose another directory"
            )
    elif produced:
        raise FileExistsError(
            f"{directory} holds {produced[0]} without {config.FILE_NAME}: choose another directory"
        )
    write_yaml(directory / config.FILE_NAME, wanted)


def _kind(stored: Mapping[str, Any]) -> str:
    return f"the study {stored['study']}" if "study" in stored else "a single training"


def holds(directory: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether a directory has the results of just this run, finished."""
    config_path = directory / config.FILE_NAME
    if not (directory / results.FILE_NAME).exists() or not config_path.exists():
        return False
    there = {name: v for name, v in read_yaml(config_path).items() if name != "processes"}
    return not differences(there, wanted)


def differences(there: object, here: object, name: str = "") -> list[str]:
    """Where two stored configs describe different results; where they compute may differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys = [key for key in {**there, **here} if key not in config.PLACE]
        if _fewer(there.get("seeds", 0), here.get("seeds", 0)):  # what is there is a part
            keys = [key for key in keys if key != "seeds"]
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


def _fewer(there: object, here: object) -> bool:
    """Whether these are counts, and there are no more of them there."""
    return isinstance(there, int) and isinstance(here, int) and there <= here
